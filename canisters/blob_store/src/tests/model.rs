//! Random histories against a simple model: a map of blobs, each a map of chunks. A restart opens
//! the same stable memory again.

use super::blocks::check_blocks;
use super::copying::copy_to_rest;
use super::old::{OldBlob, lay_out};
use super::{chunks, gateway, key};
use crate::blob::layout::Layout;
use crate::blob::record::BlobState;
use crate::regions::Regions;
use crate::state::State;
use candid::Principal;
use capsule_shared::blob_store::{
    CheckOptions, CheckStage, Declared, DeleteProgress, DigestProgress,
};
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::VectorMemory;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    /// With a declaration, bytes are promised.
    Open {
        declared: Option<u64>,
    },
    Release,
    Put {
        index: u32,
        bytes: Vec<u8>,
    },
    /// Seals with the stored numbers, changed by these.
    Seal {
        chunks_off: i8,
        bytes_off: i8,
    },
    Digest {
        slice: u32,
    },
    Delete {
        slice: u32,
    },
    /// Copies so many chunks from the map.
    Copy {
        slice: u32,
    },
    /// Begins a check unless one runs, and does so many steps of it. It finds nothing.
    Check {
        slice: u32,
        contents: bool,
    },
    Restart,
}

/// The indexes below this are put.
const INDEXES: u32 = 12;

/// An operation on chunks that mostly have `usual` bytes.
fn op(usual: usize) -> impl Strategy<Value = Op> {
    let len = prop_oneof![8 => Just(usual), 2 => 1..=usual, 1 => Just(12_288)];
    let bytes = (len, 0..3u8).prop_map(|(len, byte)| vec![byte; len]);
    prop_oneof![
        3 => prop::option::of(0..60_000u64).prop_map(|declared| Op::Open { declared }),
        1 => Just(Op::Release),
        16 => (0..INDEXES, bytes).prop_map(|(index, bytes)| Op::Put { index, bytes }),
        2 => (-1..2i8, -1..2i8)
            .prop_map(|(chunks_off, bytes_off)| Op::Seal { chunks_off, bytes_off }),
        2 => Just(Op::Seal { chunks_off: 0, bytes_off: 0 }),
        4 => (1..4u32).prop_map(|slice| Op::Digest { slice }),
        2 => (1..6u32).prop_map(|slice| Op::Delete { slice }),
        2 => (1..4u32).prop_map(|slice| Op::Copy { slice }),
        6 => (1..12u32, any::<bool>())
            .prop_map(|(slice, contents)| Op::Check { slice, contents }),
        1 => Just(Op::Restart),
    ]
}

#[derive(Default)]
struct Blob {
    gateway: Option<Principal>,
    chunks: BTreeMap<u32, Vec<u8>>,
    sealed: bool,
    deleting: bool,
}

impl Blob {
    /// Whether `caller` opened the blob, and nothing else happened to it.
    fn opened_by(&self, caller: Principal) -> bool {
        let untouched = self.chunks.is_empty() && !self.sealed && !self.deleting;
        untouched && self.gateway == Some(caller)
    }

    fn bytes(&self) -> u64 {
        self.chunks.values().map(|bytes| bytes.len() as u64).sum()
    }

    /// Whether a chunk of this length fits: all have one length, but for a shorter last one.
    fn fits(&self, index: u32, len: usize) -> bool {
        let others = self
            .chunks
            .iter()
            .map(|(index, bytes)| (*index, bytes.len()));
        let all: Vec<(u32, usize)> = others.chain([(index, len)]).collect();
        let (longest, last) = all.iter().fold((0, 0), |(longest, last), (index, len)| {
            (longest.max(*len), last.max(*index))
        });
        all.iter()
            .all(|(index, len)| *len == longest || *index == last)
    }

    fn complete(&self) -> bool {
        self.chunks.keys().copied().eq(0..self.chunks.len() as u32)
    }
}

/// The kind of an answer, without its text.
fn kind<T>(result: &Result<T>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Error::NotFound) => "not found",
        Err(Error::Unauthorized) => "unauthorized",
        Err(Error::InvalidArgument(_)) => "invalid",
        Err(Error::Conflict(_)) => "conflict",
        Err(_) => "other",
    }
}

struct World {
    memory: VectorMemory,
    state: State<VectorMemory>,
    model: BTreeMap<BlobKey, Blob>,
}

/// Pages of a bucket. With small ones, a new memory for each history costs little.
const PAGES: u16 = 1;

impl World {
    /// A new store.
    fn new() -> Self {
        let memory = VectorMemory::default();
        Self {
            state: State::over(Regions::in_buckets(memory.clone(), PAGES)),
            memory,
            model: BTreeMap::new(),
        }
    }

    /// A store of schema version 1 with these blobs.
    fn with(old: Vec<OldBlob>) -> Self {
        let memory = VectorMemory::default();
        lay_out(&memory, PAGES, &old);
        let blobs = old.into_iter().map(|old| {
            let blob = Blob {
                gateway: Some(gateway(1)),
                chunks: old.chunks.into_iter().collect(),
                sealed: old.state == BlobState::Sealed,
                deleting: false,
            };
            (key(old.n), blob)
        });
        Self {
            model: blobs.collect(),
            state: State::over(Regions::in_buckets(memory.clone(), PAGES)),
            memory,
        }
    }

    /// The model's error for a change by `caller` that needs a visible blob of its own.
    fn refusal(&self, caller: Principal, key: BlobKey) -> Option<&'static str> {
        match self.model.get(&key) {
            None => Some("not found"),
            Some(blob) if blob.deleting => Some("not found"),
            Some(blob) if blob.gateway != Some(caller) => Some("unauthorized"),
            Some(_) => None,
        }
    }

    fn step(&mut self, caller: Principal, key: BlobKey, op: Op) {
        let refusal = self.refusal(caller, key);
        let store = &mut self.state.store;
        match op {
            Op::Restart => self.state = State::open(self.memory.clone()),
            Op::Check { slice, contents } => {
                let options = CheckOptions {
                    repair: false,
                    contents,
                };
                let running = self.state.is_checking();
                let begun = self.state.check_begin(options, 0);
                assert_eq!(begun.is_err(), running);
                self.state.check_slice(&chunks(slice));
                let status = self.state.check_status().unwrap();
                assert_eq!(status.first_faults, []);
            }
            Op::Open { declared } => {
                let expected = match self.model.get(&key) {
                    None => "ok",
                    Some(b) if b.opened_by(caller) => "ok",
                    Some(_) => "conflict",
                };
                let declared = declared.map(|bytes| Declared {
                    bytes,
                    known: bytes % 2 == 0,
                });
                assert_eq!(kind(&store.open_blob(caller, key, declared)), expected);
                if expected == "ok" {
                    self.model.entry(key).or_default().gateway = Some(caller);
                }
            }
            Op::Release => {
                assert_eq!(kind(&store.release(caller, key)), "ok");
                if self.model.get(&key).is_some_and(|b| b.opened_by(caller)) {
                    self.model.remove(&key);
                }
            }
            Op::Put { index, bytes } => {
                let record = store.records.get(&key.0);
                let old = record.is_some_and(|record| {
                    record.layout == Layout::Map && record.chunks.count() > 0
                });
                let result = store.put(caller, key, index, &bytes);
                let expected = refusal.unwrap_or_else(|| {
                    let blob = self.model.get_mut(&key).unwrap();
                    match blob.chunks.get(&index) {
                        Some(stored) if *stored == bytes => "ok",
                        Some(_) => "conflict",
                        None if blob.sealed => "conflict",
                        // The map of schema version 1 takes chunks of any length.
                        None if !old && !blob.fits(index, bytes.len()) => "invalid",
                        None => {
                            blob.chunks.insert(index, bytes);
                            "ok"
                        }
                    }
                });
                assert_eq!(kind(&result), expected);
            }
            Op::Seal {
                chunks_off,
                bytes_off,
            } => {
                let blob = self.model.entry(key).or_default();
                let count = (blob.chunks.len() as u32).saturating_add_signed(chunks_off.into());
                let bytes = blob.bytes().saturating_add_signed(bytes_off.into());
                let same = (count, bytes) == (blob.chunks.len() as u32, blob.bytes());
                let expected = refusal.unwrap_or(match (blob.sealed, same && count > 0) {
                    (true, true) => "ok",
                    (true, false) => "conflict",
                    (false, true) if blob.complete() => "ok",
                    (false, _) => "invalid",
                });
                assert_eq!(kind(&store.seal(caller, key, count, bytes, None)), expected);
                blob.sealed |= expected == "ok";
                if blob.gateway.is_none() {
                    self.model.remove(&key);
                }
            }
            Op::Digest { slice } => {
                let result = store.digest(caller, key, &chunks(slice));
                if let Some(refusal) = refusal {
                    return assert_eq!(kind(&result), refusal);
                }
                let blob = &self.model[&key];
                match result {
                    Ok(DigestProgress::Done(digest)) => {
                        let all: Vec<u8> = blob.chunks.values().flatten().copied().collect();
                        assert!(blob.complete());
                        assert_eq!(digest.as_slice(), Sha256::digest(all).as_slice());
                    }
                    Ok(DigestProgress::Hashed { bytes, of }) => {
                        assert!(bytes < of && of == blob.bytes());
                    }
                    Err(Error::Conflict(_)) => assert!(!blob.complete()),
                    Err(other) => panic!("{other}"),
                }
            }
            Op::Delete { slice } => {
                let result = store.delete(caller, key, &chunks(slice));
                match self.model.get_mut(&key) {
                    None => assert_eq!(result, Ok(DeleteProgress::Done)),
                    Some(blob) if blob.gateway != Some(caller) => {
                        assert_eq!(result, Err(Error::Unauthorized));
                    }
                    Some(blob) => {
                        blob.deleting = true;
                        let left = blob.chunks.len() as u32;
                        match result {
                            Ok(DeleteProgress::Done) => {
                                self.model.remove(&key);
                            }
                            result => assert_eq!(result, Ok(DeleteProgress::Remaining(left))),
                        }
                    }
                }
            }
            Op::Copy { slice } => {
                store.copy(&chunks(slice));
            }
        }
    }

    /// Checks that callers see the model's blob, and that the sums are those of a scan.
    fn check(&self, key: BlobKey) {
        let store = &self.state.store;
        let blob = self.model.get(&key).filter(|blob| !blob.deleting);
        match blob {
            None => assert_eq!(store.meta(key), Err(Error::NotFound)),
            Some(blob) => {
                let meta = store.meta(key).unwrap();
                assert_eq!(Some(meta.gateway), blob.gateway);
                assert_eq!(meta.sealed, blob.sealed);
                assert_eq!(meta.bytes, blob.bytes());
                assert_eq!(meta.chunk_count as usize, blob.chunks.len());
            }
        }
        for index in 0..INDEXES {
            let expected = blob.and_then(|blob| blob.chunks.get(&index).cloned());
            let read = store.read_chunk(key, index);
            assert_eq!(read, expected.ok_or(Error::NotFound));
        }
        let totals = store.totals();
        let all = || self.model.values();
        assert_eq!(totals.blobs as usize, self.model.len());
        assert_eq!(
            totals.chunks as usize,
            all().map(|b| b.chunks.len()).sum::<usize>()
        );
        assert_eq!(totals.bytes, all().map(Blob::bytes).sum::<u64>());
        assert_eq!(store.blob_ids.len(), totals.blobs);
        assert_eq!(store.records.len(), totals.blobs);
        check_blocks(store);
    }
}

/// Operations on two blobs, each with its caller.
fn ops() -> impl Strategy<Value = Vec<(u8, u8, Op)>> {
    // Chunks share blocks, fill them, and take several.
    let usual = prop::sample::select(&[100usize, 500, 1_000, 2_000, 4_096, 5_000][..]);
    usual.prop_flat_map(|usual| {
        let caller = prop_oneof![9 => Just(1u8), 1 => Just(2u8)];
        proptest::collection::vec((caller, 0..2u8, op(usual)), 1..80)
    })
}

/// Blobs of schema version 1, complete or not, of chunks with one length or several.
fn old_blobs() -> impl Strategy<Value = Vec<OldBlob>> {
    let chunks =
        proptest::collection::vec(prop_oneof![4 => Just(700usize), 1 => 1..900usize], 1..6);
    let blob = (chunks, any::<bool>(), any::<bool>());
    proptest::collection::vec(blob, 0..3).prop_map(|blobs| {
        let blobs = (0..).zip(blobs);
        blobs
            .map(|(n, (lens, sealed, gap))| {
                let chunks = (0..)
                    .zip(lens)
                    .map(|(index, len)| (index, vec![index as u8; len]));
                let mut chunks: Vec<(u32, Vec<u8>)> = chunks.collect();
                if !sealed && gap {
                    chunks.remove(0);
                }
                OldBlob {
                    n,
                    state: if sealed {
                        BlobState::Sealed
                    } else {
                        BlobState::Open
                    },
                    chunks,
                }
            })
            .collect()
    })
}

fn play(mut world: World, ops: Vec<(u8, u8, Op)>) {
    for (caller, blob, op) in ops {
        world.step(gateway(caller), key(blob), op);
        world.check(key(blob));
    }
    for blob in 0..2 {
        world.check(key(blob));
    }
    // A check that runs meanwhile ends, and finds nothing; so does one at rest.
    while world.state.check_slice(&chunks(5)) {}
    let options = CheckOptions {
        repair: true,
        contents: true,
    };
    world.state.check_begin(options, 0).unwrap();
    while world.state.check_slice(&chunks(5)) {}
    let status = world.state.check_status().unwrap();
    assert_eq!(
        (status.stage, status.first_faults),
        (CheckStage::Done, vec![])
    );
    assert_eq!(status.blobs, world.state.store.totals().blobs);
}

// `PROPTEST_CASES` sets how many histories are played.
proptest! {
    #[test]
    fn histories_agree_with_the_model(ops in ops()) {
        play(World::new(), ops);
    }

    #[test]
    fn histories_of_a_store_that_is_copied_agree_with_the_model(old in old_blobs(), ops in ops()) {
        play(World::with(old), ops);
    }

    #[test]
    fn a_store_that_is_copied_comes_to_rest(old in old_blobs(), ops in ops()) {
        let mut world = World::with(old);
        for (caller, blob, op) in ops {
            world.step(gateway(caller), key(blob), op);
        }
        copy_to_rest(&mut world.state.store);
        for blob in 0..2 {
            world.check(key(blob));
        }
    }
}
