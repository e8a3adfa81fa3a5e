//! Tests of pulling a blob, on the side of the store that gets it. The store that has it is a
//! second state.

use super::blocks::check_blocks;
use super::copying::store_of;
use super::old::open_blob;
use super::{chunks, gateway, key};
use crate::blob::pull::{PULL_CHUNKS, Piece};
use crate::blob::slice::Slice;
use crate::extents::block::BLOCK_BYTES;
use crate::regions::{BUCKET_PAGES, Regions};
use crate::state::State;
use canister_common::manager::PAGE_BYTES;
use capsule_shared::blob_store::{PullProgress, SharedBlob};
use capsule_shared::{Error, Result};
use ic_stable_structures::VectorMemory;
use proptest::prelude::*;

/// The gateway of both stores.
const GATEWAY: u8 = 1;
/// The id of the store that pulls.
const TARGET: u8 = 9;

/// Pages of a bucket in both stores, few so that they are laid out soon.
const PAGES: u16 = 4;

/// A store with a sealed blob, and one with an empty blob of the same key.
struct Two {
    source: State<VectorMemory>,
    target: State<VectorMemory>,
    blob: SharedBlob,
    file: Vec<u8>,
}

impl Two {
    /// A blob of so many bytes in chunks of `chunk` bytes, which came in this order.
    fn with(bytes: usize, chunk: usize, order: impl Fn(&mut Vec<u32>)) -> Self {
        let file: Vec<u8> = (0..bytes).map(|i| (i * 31 % 251) as u8).collect();
        let small = || State::over(Regions::in_buckets(VectorMemory::default(), PAGES));
        let (mut source, mut target) = (small(), small());
        for state in [&mut source, &mut target] {
            let opened = state.store.open_blob(gateway(GATEWAY), key(1), None);
            opened.unwrap();
        }
        let count = bytes.div_ceil(chunk);
        let mut indexes: Vec<u32> = (0..count as u32).collect();
        order(&mut indexes);
        let store = &mut source.store;
        for index in indexes {
            let from = index as usize * chunk;
            let part = &file[from..bytes.min(from + chunk)];
            store.put(gateway(GATEWAY), key(1), index, part).unwrap();
        }
        let sealed = store.seal(gateway(GATEWAY), key(1), count as u32, bytes as u64, None);
        sealed.unwrap();
        let blob = source.share(gateway(GATEWAY), key(1), gateway(TARGET));
        Two {
            blob: blob.unwrap(),
            source,
            target,
            file,
        }
    }

    fn in_order(bytes: usize, chunk: usize) -> Self {
        Self::with(bytes, chunk, |_| ())
    }

    fn next(&self) -> Result<Option<Piece>> {
        let store = &self.target.store;
        store.next_piece(gateway(GATEWAY), key(1), &self.blob)
    }

    fn answer(&self, piece: Piece) -> Vec<u8> {
        let Piece { offset, len, .. } = piece;
        let source = &self.source;
        let read = source.read_shared(gateway(TARGET), key(1), offset, len, Vec::with_capacity);
        read.unwrap()
    }

    fn put(&mut self, piece: Piece, answer: &[u8], slice: &Slice<'_>) -> Result<PullProgress> {
        let store = &mut self.target.store;
        store.put_piece(gateway(GATEWAY), key(1), &self.blob, piece, answer, slice)
    }

    /// One pull, as the canister does it.
    fn pull(&mut self) -> Result<PullProgress> {
        let Some(piece) = self.next()? else {
            return Ok(PullProgress::Done);
        };
        let answer = self.answer(piece);
        self.put(piece, &answer, &chunks(u32::MAX))
    }

    /// Pulls until the blob is done, and returns the number of calls.
    fn pull_all(&mut self) -> u32 {
        let mut left = self.blob.bytes;
        for calls in 1.. {
            match self.pull().unwrap() {
                PullProgress::Remaining(bytes) => {
                    assert!(bytes < left, "{bytes} of {left} bytes remain");
                    left = bytes;
                }
                PullProgress::Done => return calls,
                PullProgress::NotShared => panic!("the source was asked by hand"),
            }
        }
        unreachable!("a range without an end ended")
    }

    fn stored(&self) -> (u32, u64) {
        let meta = self.target.store.meta(key(1)).unwrap();
        (meta.chunk_count, meta.bytes)
    }

    /// Seals the copy, and checks that it is the original.
    fn check_copy(&mut self) {
        let SharedBlob {
            bytes, chunk_count, ..
        } = self.blob;
        assert_eq!(self.stored(), (chunk_count, bytes));
        let store = &mut self.target.store;
        let sealed = store.seal(gateway(GATEWAY), key(1), chunk_count, bytes, None);
        sealed.unwrap();
        check_blocks(&self.target.store);
        for state in [&mut self.source, &mut self.target] {
            let shared = state.store.shared(gateway(GATEWAY), key(1)).unwrap();
            assert_eq!(shared, self.blob);
        }
        for index in 0..chunk_count {
            let chunk = |state: &State<_>| state.store.read_chunk(key(1), index).unwrap();
            assert!(chunk(&self.source) == chunk(&self.target), "chunk {index}");
        }
        let digest = |state: &mut State<_>| {
            let whole = &chunks(u32::MAX);
            state.store.digest(gateway(GATEWAY), key(1), whole).unwrap()
        };
        assert_eq!(digest(&mut self.source), digest(&mut self.target));
        let len = self.file.len().min(1_000_000) as u64;
        let read = self
            .target
            .store
            .read_range(key(1), 0, len, Vec::with_capacity);
        assert!(read.unwrap() == self.file[..len as usize]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_copy_is_like_the_original_whatever_came_when(
        chunk in 1..3_000usize,
        count in 1..40usize,
        last in 0.0..1.0f64,
        first in any::<prop::sample::Index>(),
        backwards in any::<bool>(),
    ) {
        let last = (1.0 + last * (chunk - 1) as f64) as usize;
        let mut two = Two::with((count - 1) * chunk + last, chunk, |indexes| {
            let first = first.index(indexes.len());
            indexes[..=first].rotate_right(1);
            if backwards && count > 2 {
                indexes[1..].reverse();
            }
        });
        prop_assert_eq!(two.pull_all(), 1);
        two.check_copy();
    }
}

#[test]
fn a_blob_comes_in_ranges_and_small_chunks_in_bounded_numbers() {
    for (bytes, chunk, calls) in [
        (5_000_000, 900_000, 3),
        (5_000_000, 1_800_000, 3),
        (4_000_000, 1_000_000, 2),
        (1, 1_800_000, 1),
        (3_000 * 50 - 1, 50, 3),
    ] {
        let mut two = Two::in_order(bytes, chunk);
        assert_eq!(two.pull_all(), calls, "{bytes} bytes in chunks of {chunk}");
        assert_eq!(two.pull(), Ok(PullProgress::Done));
        two.check_copy();
        // A gateway that missed the answers may ask, and seal, again.
        assert_eq!(two.pull(), Ok(PullProgress::Done));
    }
}

#[test]
fn a_message_without_instructions_left_puts_one_chunk() {
    let mut two = Two::in_order(1_000, 100);
    for left in (1..10).rev() {
        let piece = two.next().unwrap().unwrap();
        let answer = two.answer(piece);
        let progress = two.put(piece, &answer, &chunks(1));
        assert_eq!(progress, Ok(PullProgress::Remaining(left * 100)));
    }
    assert_eq!(two.pull(), Ok(PullProgress::Done));
    two.check_copy();
}

#[test]
fn an_answer_of_another_length_puts_nothing() {
    let mut two = Two::in_order(1_000, 100);
    let piece = two.next().unwrap().unwrap();
    let answer = two.answer(piece);
    let longer = [&answer[..], &[0]].concat();
    for other in [&answer[..999], &answer[..900], &answer[..0], &longer[..]] {
        let refused = two.put(piece, other, &chunks(99));
        let text = format!(
            "the source answered {} bytes from 0 on, expected 1000",
            other.len()
        );
        assert_eq!(refused, Err(Error::conflict(text)));
        assert_eq!(two.stored(), (0, 0));
    }
    assert_eq!(two.pull(), Ok(PullProgress::Done));
}

#[test]
fn a_blob_that_was_deleted_meanwhile_takes_nothing() {
    let mut two = Two::in_order(1_000, 100);
    let first = two.next().unwrap().unwrap();
    let answer = two.answer(first);
    two.put(first, &answer, &chunks(3)).unwrap();
    let second = two.next().unwrap().unwrap();
    assert_eq!((second.first, second.offset, second.len), (3, 300, 700));
    let answer = two.answer(second);
    let deleted = two.target.delete(gateway(GATEWAY), key(1), &chunks(99));
    deleted.unwrap();
    assert_eq!(two.put(second, &answer, &chunks(99)), Err(Error::NotFound));
    assert_eq!(two.next(), Err(Error::NotFound));

    // Another blob has the key now. The answer was for the old one.
    let store = &mut two.target.store;
    store.open_blob(gateway(GATEWAY), key(1), None).unwrap();
    let refused = two.put(second, &answer, &chunks(99)).unwrap_err();
    assert!(refused.is_temporary(), "{refused}");
    assert_eq!(two.stored(), (0, 0));
    assert_eq!(two.pull(), Ok(PullProgress::Done));
    two.check_copy();
}

#[test]
fn a_blob_that_was_handed_over_meanwhile_takes_nothing() {
    let mut two = Two::in_order(1_000, 100);
    for n in [GATEWAY, 2] {
        two.target.gateways.register(gateway(n)).unwrap();
    }
    let piece = two.next().unwrap().unwrap();
    let answer = two.answer(piece);
    let target = &mut two.target;
    target
        .gateways_transfer(gateway(GATEWAY), gateway(2))
        .unwrap();
    let refused = two.put(piece, &answer, &chunks(99));
    assert_eq!(refused, Err(Error::Unauthorized));
    assert_eq!(two.stored(), (0, 0));
}

#[test]
fn two_pulls_at_once_are_harmless() {
    let mut two = Two::in_order(3_000, 100);
    let early = two.next().unwrap().unwrap();
    let late = two.next().unwrap().unwrap();
    let answer = two.answer(early);
    two.put(early, &answer, &chunks(10)).unwrap();
    // The other answer begins with chunks that are here.
    let progress = two.put(late, &answer, &chunks(20));
    assert_eq!(progress, Ok(PullProgress::Remaining(1_000)));
    assert_eq!(two.pull(), Ok(PullProgress::Done));
    two.check_copy();
    // One comes after the seal.
    assert_eq!(two.put(late, &answer, &chunks(99)), Ok(PullProgress::Done));
}

#[test]
fn chunks_in_the_middle_may_be_there() {
    let mut two = Two::in_order(1_050, 100);
    let store = &mut two.target.store;
    for index in [4, 5, 10] {
        let from = index as usize * 100;
        let part = &two.file[from..1_050.min(from + 100)];
        store.put(gateway(GATEWAY), key(1), index, part).unwrap();
    }
    assert_eq!(two.pull(), Ok(PullProgress::Done));
    two.check_copy();
}

#[test]
fn other_bytes_and_other_blobs_are_conflicts() {
    let mut two = Two::in_order(1_000, 100);
    let store = &mut two.target.store;
    store.put(gateway(GATEWAY), key(1), 4, &[0; 100]).unwrap();
    let refused = two.pull();
    let text = "chunk 4 is stored with other bytes, expected the same bytes";
    assert_eq!(refused, Err(Error::conflict(text)));
    // The chunks before it stay.
    assert_eq!(two.stored(), (5, 500));

    let mut two = Two::in_order(1_000, 100);
    let store = &mut two.target.store;
    store.put(gateway(GATEWAY), key(1), 0, b"shorter").unwrap();
    store.seal(gateway(GATEWAY), key(1), 1, 7, None).unwrap();
    let text = "the blob has 1 chunks and 7 bytes and is sealed, \
                expected 10 and 1000 as shared";
    assert_eq!(two.next(), Err(Error::conflict(text)));

    let mut two = Two::in_order(1_000, 100);
    two.pull_all();
    let store = &mut two.target.store;
    store.put(gateway(GATEWAY), key(1), 10, b"more").unwrap();
    let text = "the blob has 11 chunks and 1004 bytes, expected 10 and 1000 as shared";
    assert_eq!(two.next(), Err(Error::conflict(text)));
}

#[test]
fn only_the_owner_pulls_into_a_blob_that_it_opened() {
    let two = Two::in_order(1_000, 100);
    let store = &two.target.store;
    let other = store.next_piece(gateway(2), key(1), &two.blob);
    assert_eq!(other, Err(Error::Unauthorized));
    let nothing = store.next_piece(gateway(GATEWAY), key(2), &two.blob);
    assert_eq!(nothing, Err(Error::NotFound));
    let blob = SharedBlob {
        chunk_count: 0,
        ..two.blob
    };
    let refused = store.next_piece(gateway(GATEWAY), key(1), &blob);
    assert!(
        matches!(refused, Err(Error::InvalidArgument(_))),
        "{refused:?}"
    );
}

#[test]
fn a_full_store_keeps_what_came_and_goes_on_with_more_capacity() {
    let mut two = Two::in_order(50_000, 5_000);
    let set_capacity = |two: &mut Two, bytes| {
        let store = &mut two.target.store;
        store.change_totals(|totals| totals.capacity_bytes = bytes);
    };
    set_capacity(&mut two, 30_000);
    assert_eq!(two.pull(), Err(Error::ResourceExhausted));
    let (count, bytes) = two.stored();
    assert!((1..10).contains(&count), "{count} chunks");
    assert_eq!(bytes, u64::from(count) * 5_000);
    check_blocks(&two.target.store);
    assert_eq!(two.pull(), Err(Error::ResourceExhausted));
    assert_eq!(two.stored(), (count, bytes));
    set_capacity(&mut two, 1 << 30);
    assert_eq!(two.next().unwrap().unwrap().first, count);
    assert_eq!(two.pull(), Ok(PullProgress::Done));
    two.check_copy();
}

/// Room for a message is made for one bucket of blocks; see `ROOM`.
#[test]
fn a_pull_takes_at_most_one_bucket_of_blocks() {
    let bucket = u64::from(BUCKET_PAGES) * PAGE_BYTES;
    for chunk in [1_953, 66_000, 1_800_000] {
        let mut two = Two::in_order(24_000_000, chunk);
        let mut most = 0;
        loop {
            let before = two.target.store.totals().space.high_water;
            let progress = two.pull().unwrap();
            let after = two.target.store.totals().space.high_water;
            most = most.max(u64::from(after - before) * BLOCK_BYTES);
            if progress == PullProgress::Done {
                break;
            }
        }
        assert!(most <= bucket, "{most} bytes, in chunks of {chunk}");
        assert!(most > bucket / 2, "{most} bytes, in chunks of {chunk}");
        two.check_copy();
    }
    const {
        assert!(
            PULL_CHUNKS >= 1_024,
            "pieces of 1,953 bytes must be whole ranges"
        )
    };
}

/// No room is made for many puts into the map of schema version 1.
#[test]
fn a_blob_in_the_map_takes_no_pull() {
    let (_, state) = store_of(&[open_blob(1, 0, b"one")]);
    let two = Two::in_order(9, 3);
    let refused = state.store.next_piece(gateway(GATEWAY), key(1), &two.blob);
    let text = "the blob lies in the map of schema version 1, expected one that was opened since";
    assert_eq!(refused, Err(Error::conflict(text)));
}
