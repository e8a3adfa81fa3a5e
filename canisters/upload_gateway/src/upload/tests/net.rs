//! The peers of a test: one blob store and one index, which keep what they are given.

use candid::utils::ArgumentDecoder;
use candid::{CandidType, Principal, decode_args, encode_args, encode_one};
use capsule_shared::blob_store::{
    Declared, DeleteProgress, DigestProgress, MigrationStatus, STORE_SCHEMA, StoreStatus,
};
use capsule_shared::capsule::{Capsule, CapsuleHeader, OwnerState, PersonRef};
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::memory_index::*;
use capsule_shared::operators::DueCursor;
use capsule_shared::range::range_len;
use capsule_shared::{BlobId, BlobKey, Error, Result};
use serde_bytes::{ByteArray, ByteBuf};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub fn id(n: u8) -> Principal {
    Principal::from_slice(&[n, 1, 1])
}

pub const OWNER: u8 = 1;
pub const STORE: u8 = 100;
pub const INDEX: u8 = 101;
pub const GATEWAY: u8 = 102;
/// Another store and another index, which know nothing of the first ones.
pub const OTHER_STORE: u8 = 103;
pub const OTHER_INDEX: u8 = 104;

/// How one call goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The call never leaves the caller.
    NotSent,
    /// The call never reaches the callee, and the caller knows it.
    Rejected,
    /// The callee acts, but its answer is lost.
    LostReply,
    /// The callee answers with this error and doesn't act.
    Refused(Error),
    /// The index doesn't know the gateway.
    RefusedGateway,
    /// The callee has no such method.
    NoMethod,
    /// The callee answers with this Candid and doesn't act.
    Replied(Vec<u8>),
}

#[derive(Clone, Default)]
pub struct Blob {
    pub chunks: BTreeMap<u32, Vec<u8>>,
    pub sealed: bool,
    /// The gateway told this when it opened the blob.
    pub declared: Option<Declared>,
    /// The SHA-256 that came with the seal.
    pub sha256: Option<[u8; 32]>,
    /// Another gateway opened it.
    pub foreign: bool,
    digest_calls: u32,
    /// A deletion began, so callers don't see it.
    pub deleting: bool,
}

#[derive(Default)]
pub struct Net {
    /// Nanoseconds since 1970.
    pub now: u64,
    pub blobs: BTreeMap<BlobKey, Blob>,
    pub memories: BTreeMap<String, Memory>,
    /// The gateways to which memories were handed over.
    pub owners: BTreeMap<String, Principal>,
    /// Those of the memories that are in the trash.
    pub trash: BTreeMap<String, Trash>,
    /// The blobs that other stores may read.
    pub shares: BTreeSet<(BlobKey, Principal)>,
    /// The limit that came with the last capsule.
    pub most_capsules: Option<u32>,
    /// Principals that may write in the capsule.
    pub writers: BTreeSet<Principal>,
    pub faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// Answers of these methods wait after the callee has acted.
    pub held: BTreeSet<&'static str>,
    pub calls: Vec<&'static str>,
    /// Where the arguments and the reply of the last call end in memory.
    pub last_arg_end: usize,
    pub last_reply_end: usize,
    pub log: Vec<String>,
    /// How often the gateway called `memory_commit`.
    pub commits: u32,
    /// The gateway's cycles above its freezing threshold.
    pub liquid: u128,
    /// Instructions that the message has used. Each look at them adds the second number.
    pub instructions: u64,
    pub instructions_per_look: u64,
    /// The time for which the gateway last asked for a turn of the timer.
    pub woken: u64,
    pub next_memory: u32,
    /// When the timer runs next; see `now`.
    pub armed: Option<u64>,
    /// The peers that the environment names.
    pub named: BTreeMap<&'static str, Principal>,
    /// Whether the gateway runs in a query.
    pub in_query: bool,
    /// The bytes that a store may hold. A new blob needs as many free ones as it declares, and a
    /// chunk at least.
    pub capacity: Option<u64>,
}

impl Net {
    /// Has the callee act, and returns its answer as Candid.
    pub fn act(&mut self, method: &'static str, arg: &[u8]) -> Vec<u8> {
        match method {
            "capsule_usage" => {
                let (who, _capsule): (Principal, String) = args(arg);
                told(self.writer(who).map(|()| CapsuleUsage {
                    stored_bytes: 0,
                    memory_count: 0,
                }))
            }
            "capsule_list" => told(Ok(Vec::<CapsuleHeader>::new())),
            "capsule_create" => {
                let (who, _subject, most): (Principal, Option<PersonRef>, Option<u32>) = args(arg);
                self.most_capsules = most;
                told(Ok(capsule(who)))
            }
            "capsule_remove_controller" => {
                let (who, _id, whom): (Principal, String, Principal) = args(arg);
                told(self.writer(who).map(|()| {
                    if whom != id(OWNER) {
                        self.writers.remove(&whom);
                    }
                    capsule(id(OWNER))
                }))
            }
            "memory_commit" => told(self.commit(args::<(MemoryCommit,)>(arg).0)),
            "memory_read" => {
                let (who, id): (Principal, String) = args(arg);
                let found = self.find(who, &id);
                told(found.and_then(|found| match found.trash {
                    Some(_) => Err(Error::NotFound),
                    None => Ok(self.memories[&id].clone()),
                }))
            }
            "memory_find" => {
                let (who, id): (Principal, String) = args(arg);
                told(self.find(who, &id))
            }
            "memory_list" => {
                let (_who, _capsule, _cursor, _limit, newest_first): (
                    Principal,
                    String,
                    Option<String>,
                    Option<u32>,
                    Option<bool>,
                ) = args(arg);
                told(Ok(MemoryPage {
                    memories: Vec::new(),
                    next: None,
                    newest_first,
                }))
            }
            "memory_find_sha256" => {
                let (who, capsule, sha256): (Principal, String, ByteBuf) = args(arg);
                let found = self.memories.values().rev();
                let found = found.filter(|m| m.capsule_id == capsule && m.sha256 == sha256);
                let found = || found.map(header).collect::<Vec<_>>();
                told(self.writer(who).map(|()| found()))
            }
            "memory_trash" => {
                let (who, id, purge_at): (Principal, String, u64) = args(arg);
                told(self.find(who, &id).map(|_| {
                    let trash = Trash {
                        trashed_at: self.now,
                        trashed_by: who,
                        purge_at,
                    };
                    *self.trash.entry(id).or_insert(trash)
                }))
            }
            "memory_restore" => {
                let (who, id): (Principal, String) = args(arg);
                told(self.find(who, &id).map(|_| {
                    self.trash.remove(&id);
                }))
            }
            "memory_expire" => {
                let (id, purge_at): (String, u64) = args(arg);
                told(self.expire(&id, purge_at))
            }
            "memories_due" => {
                let (None, after, None): (Option<Principal>, Option<DueCursor>, Option<u32>) =
                    args(arg)
                else {
                    panic!("the gateway asks for itself and for a usual page");
                };
                told(Ok(self.due(after)))
            }
            "memory_delete" => {
                let (who, id): (Principal, String) = args(arg);
                let found = self.find(who, &id);
                told(found.map(|_| {
                    self.trash.remove(&id);
                    self.memories.remove(&id).expect("it was found")
                }))
            }
            "blob_locate" => {
                let (who, blob): (Principal, BlobId) = args(arg);
                let mut listed = self.memories.values();
                let found =
                    listed.find(|m| m.place.blob_id == blob && !self.trash.contains_key(&m.id));
                let place = found.map(|m| m.place.clone()).ok_or(Error::NotFound);
                told(place.and_then(|place| self.writer(who).map(|()| place)))
            }
            "blob_open" => {
                let (key, declared): (BlobKey, Option<Declared>) = args(arg);
                let known: (BlobKey,) = first_args(arg);
                assert_eq!(known, (key,));
                let bytes = declared.map_or(0, |declared| declared.bytes);
                if self.free() < bytes.max(MAX_CHUNK_BYTES as u64) {
                    return reply::<()>(Err(Error::ResourceExhausted));
                }
                let blob = self.blobs.entry(key).or_default();
                if blob.deleting {
                    return reply::<()>(Err(Error::conflict("a blob that is being deleted")));
                }
                blob.declared = declared;
                reply(Ok(()))
            }
            "store_status" => reply(Ok(self.status())),
            "blob_meta" => reply(self.meta(args::<(BlobKey,)>(arg).0)),
            "blob_share" => {
                let (key, with): (BlobKey, Principal) = args(arg);
                reply(self.share(key, with))
            }
            "memories_of_store" => {
                let (store, after, _limit): (Principal, Option<String>, Option<u32>) = args(arg);
                told(Ok(self.in_store(store, after)))
            }
            "memory_relocate" => told(self.relocate(args(arg))),
            "blob_release" => {
                let (key,): (BlobKey,) = args(arg);
                self.blobs
                    .retain(|k, blob| *k != key || blob.foreign || !blob.chunks.is_empty());
                reply(Ok(()))
            }
            "blob_put_chunk" => {
                let (key, index, bytes): (BlobKey, u32, ByteBuf) = args(arg);
                reply(self.put(key, index, bytes.into_vec()))
            }
            "blob_seal" => {
                let (key, count, total, sha256) = args(arg);
                let known: (BlobKey, u32, u64) = first_args(arg);
                assert_eq!(known, (key, count, total));
                reply(self.seal(key, count, total, sha256))
            }
            "blob_digest" => {
                let (key,): (BlobKey,) = args(arg);
                let blob = self.blobs.get_mut(&key).expect("no blob");
                blob.digest_calls += 1;
                let all = blob.chunks.values().flatten().copied().collect::<Vec<u8>>();
                let (bytes, of) = (1, all.len() as u64);
                reply(Ok(match blob.digest_calls {
                    1 => DigestProgress::Hashed { bytes, of },
                    _ => DigestProgress::Done(ByteBuf::from(Sha256::digest(&all).to_vec())),
                }))
            }
            "blob_delete" => {
                let (key,): (BlobKey,) = args(arg);
                if let Some(blob) = self.blobs.get_mut(&key) {
                    if blob.foreign {
                        return reply::<DeleteProgress>(Err(Error::Unauthorized));
                    }
                    blob.deleting = true;
                    blob.chunks.pop_first();
                    if !blob.chunks.is_empty() {
                        let left = blob.chunks.len() as u32;
                        return reply(Ok(DeleteProgress::Remaining(left)));
                    }
                    self.blobs.remove(&key);
                }
                reply(Ok(DeleteProgress::Done))
            }
            "blob_read_chunk" => {
                let (key, index): (BlobKey, u32) = args(arg);
                let chunk = self.blobs.get(&key).and_then(|b| b.chunks.get(&index));
                reply(
                    chunk
                        .map(|c| ByteBuf::from(c.clone()))
                        .ok_or(Error::NotFound),
                )
            }
            "blob_read_range" => {
                let (key, offset, length): (BlobKey, u64, u64) = args(arg);
                let blob = self.blobs.get(&key).ok_or(Error::NotFound);
                reply(blob.and_then(|blob| {
                    let all: Vec<u8> = blob.chunks.values().flatten().copied().collect();
                    let len = range_len(all.len() as u64, offset, length)?;
                    let range = offset as usize..(offset + len) as usize;
                    Ok(ByteBuf::from(all[range].to_vec()))
                }))
            }
            other => panic!("no peer has the method {other}"),
        }
    }

    /// Bytes of the stored chunks, and bytes that open blobs of known uploaders announced beyond
    /// theirs. A store keeps next to nothing free for strangers.
    fn taken(&self) -> (u64, u64) {
        let bytes = |blob: &Blob| blob.chunks.values().map(|c| c.len() as u64).sum::<u64>();
        let used = self.blobs.values().map(bytes).sum();
        let open = self.blobs.values().filter(|blob| !blob.sealed);
        let promised = open.map(|blob| {
            let known = blob.declared.filter(|declared| declared.known);
            known.map_or(0, |declared| declared.bytes.saturating_sub(bytes(blob)))
        });
        (used, promised.sum())
    }

    fn free(&self) -> u64 {
        let (used, promised) = self.taken();
        let capacity = self.capacity.unwrap_or(1 << 40);
        capacity.saturating_sub(used + promised)
    }

    fn status(&self) -> StoreStatus {
        let (used, promised) = self.taken();
        StoreStatus {
            schema: STORE_SCHEMA,
            blobs: self.blobs.len() as u64,
            chunks: 0,
            bytes: used,
            allocated_bytes: used,
            promised_bytes: promised,
            free_bytes: self.free(),
            capacity_bytes: self.capacity.unwrap_or(1 << 40),
            migration: MigrationStatus::Nothing,
            cycles: 1_000_000_000_000,
            reserve: None,
        }
    }

    fn find(&self, who: Principal, id: &str) -> Result<MemoryFound> {
        let memory = self.memories.get(id).cloned().ok_or(Error::NotFound)?;
        self.writer(who)?;
        let trash = self.trash.get(id).copied();
        let owner = self.owners.get(id).copied();
        let memory = MemoryHead {
            owner,
            ..memory.into()
        };
        Ok(MemoryFound { memory, trash })
    }

    fn expire(&mut self, id: &str, purge_at: u64) -> Result<Memory> {
        if !self.memories.contains_key(id) {
            return Err(Error::NotFound);
        }
        let trash = self.trash.get(id);
        if trash.is_none_or(|trash| trash.purge_at != purge_at) {
            return Err(Error::conflict("not in the trash until then"));
        }
        assert!(self.now >= purge_at, "the gateway purges too early");
        self.trash.remove(id);
        self.memories.remove(id).ok_or(Error::NotFound)
    }

    fn writer(&self, who: Principal) -> Result<()> {
        self.writers
            .contains(&who)
            .then_some(())
            .ok_or(Error::Unauthorized)
    }

    fn put(&mut self, key: BlobKey, index: u32, bytes: Vec<u8>) -> Result<()> {
        let blob = self.blobs.get_mut(&key).ok_or(Error::NotFound)?;
        if let Some(stored) = blob.chunks.get(&index) {
            return match *stored == bytes {
                true => Ok(()),
                false => Err(Error::conflict("other bytes")),
            };
        }
        let mut lengths: BTreeMap<u32, usize> = blob
            .chunks
            .iter()
            .map(|(at, chunk)| (*at, chunk.len()))
            .collect();
        lengths.insert(index, bytes.len());
        let (_, last) = lengths.pop_last().expect("there is one");
        let one = lengths.values().next().copied().unwrap_or(last);
        if last > one || lengths.values().any(|len| *len != one) {
            return Err(Error::invalid("a length that doesn't fit"));
        }
        blob.chunks.insert(index, bytes);
        Ok(())
    }

    fn seal(
        &mut self,
        key: BlobKey,
        count: u32,
        total: u64,
        sha256: Option<ByteArray<32>>,
    ) -> Result<()> {
        let blob = self.blobs.get_mut(&key).ok_or(Error::NotFound)?;
        let bytes: usize = blob.chunks.values().map(Vec::len).sum();
        if (blob.chunks.len() as u32, bytes as u64) != (count, total) {
            return Err(Error::invalid("a chunk is missing"));
        }
        blob.sealed = true;
        blob.sha256 = sha256.map(ByteArray::into_array);
        Ok(())
    }

    fn commit(&mut self, commit: MemoryCommit) -> Result<Memory> {
        self.commits += 1;
        let old = self
            .memories
            .values()
            .find(|m| m.session_id == commit.session_id);
        if let Some(memory) = old {
            return Ok(memory.clone());
        }
        self.writer(commit.who)?;
        self.next_memory += 1;
        let memory = Memory {
            id: format!("memory-{}", self.next_memory),
            capsule_id: commit.capsule_id,
            uploaded_by: commit.who,
            uploaded_at: self.now,
            metadata: commit.metadata,
            place: commit.place,
            sha256: commit.sha256,
            gateway: id(GATEWAY),
            session_id: commit.session_id,
        };
        self.memories.insert(memory.id.clone(), memory.clone());
        Ok(memory)
    }
}

/// A memory as an entry of a list.
fn header(memory: &Memory) -> MemoryHeader {
    let base = memory.metadata.base();
    MemoryHeader {
        id: memory.id.clone(),
        name: base.name.clone(),
        mime_type: base.mime_type.clone(),
        size: memory.place.size,
        sha256: memory.sha256.clone(),
        blob_id: memory.place.blob_id.to_string(),
        uploaded_by: memory.uploaded_by,
        uploaded_at: memory.uploaded_at,
        asset_type: None,
        created_at: None,
        path: None,
        parent: None,
    }
}

/// The capsule of one owner.
fn capsule(owner: Principal) -> Capsule {
    let state = OwnerState {
        since: 1,
        last_activity_at: 1,
    };
    Capsule {
        id: "capsule-1".into(),
        subject: PersonRef::Principal(owner),
        owners: vec![(PersonRef::Principal(owner), state)],
        controllers: Vec::new(),
        created_at: 1,
        updated_at: 1,
        bound_to_neon: false,
        inline_bytes_used: 0,
        memories: Vec::new(),
        galleries: Vec::new(),
        connections: Vec::new(),
        connection_groups: Vec::new(),
    }
}

fn args<T: for<'a> ArgumentDecoder<'a>>(arg: &[u8]) -> T {
    decode_args(arg).expect("the callee can't decode the arguments")
}

/// The arguments as a store of release 0.1.0 decodes them, which knows the first ones only.
fn first_args<T: for<'a> ArgumentDecoder<'a>>(arg: &[u8]) -> T {
    canister_common::args::decode(arg).expect("an old store can't decode the arguments")
}

pub fn reply<T: CandidType>(answer: Result<T>) -> Vec<u8> {
    encode_one(answer).unwrap()
}

/// An answer of the index, which knows the gateway.
pub fn told<T: CandidType>(answer: Result<T>) -> Vec<u8> {
    encode_args((answer, true)).unwrap()
}
