//! The peers of a test: one blob store and one index, which keep what they are given.

use candid::utils::ArgumentDecoder;
use candid::{CandidType, Principal, decode_args, encode_one};
use capsule_shared::blob_store::{DeleteProgress, DigestProgress};
use capsule_shared::capsule::CapsuleHeader;
use capsule_shared::memory_index::*;
use capsule_shared::range::range_len;
use capsule_shared::{BlobId, BlobKey, Error, Result};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub fn id(n: u8) -> Principal {
    Principal::from_slice(&[n, 1, 1])
}

pub const OWNER: u8 = 1;
pub const STORE: u8 = 100;
pub const INDEX: u8 = 101;
pub const GATEWAY: u8 = 102;

/// How one call goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The call never reaches the callee, and the caller knows it.
    NotSent,
    /// The callee acts, but its answer is lost.
    LostReply,
    /// The callee answers with this error and doesn't act.
    Refused(Error),
}

#[derive(Clone, Default)]
pub struct Blob {
    pub chunks: BTreeMap<u32, Vec<u8>>,
    pub sealed: bool,
    /// Another gateway opened it.
    pub foreign: bool,
    digest_calls: u32,
}

#[derive(Default)]
pub struct Net {
    /// Nanoseconds since 1970.
    pub now: u64,
    pub blobs: BTreeMap<BlobKey, Blob>,
    pub memories: BTreeMap<String, Memory>,
    /// Principals that may write in the capsule.
    pub writers: BTreeSet<Principal>,
    pub faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// Answers of these methods wait after the callee has acted.
    pub held: BTreeSet<&'static str>,
    pub calls: Vec<&'static str>,
    pub log: Vec<String>,
    /// How often the gateway called `memory_commit`.
    pub commits: u32,
    /// The gateway's cycles above its freezing threshold.
    pub liquid: u128,
    pub next_memory: u32,
}

impl Net {
    /// Has the callee act, and returns its answer as Candid.
    pub fn act(&mut self, method: &'static str, arg: &[u8]) -> Vec<u8> {
        match method {
            "capsule_usage" => {
                let (who, _capsule): (Principal, String) = args(arg);
                reply(self.writer(who).map(|()| CapsuleUsage {
                    stored_bytes: 0,
                    memory_count: 0,
                }))
            }
            "capsule_list" => reply(Ok(Vec::<CapsuleHeader>::new())),
            "memory_commit" => reply(self.commit(args::<(MemoryCommit,)>(arg).0)),
            "memory_read" => {
                let (_who, id): (Principal, String) = args(arg);
                reply(self.memories.get(&id).cloned().ok_or(Error::NotFound))
            }
            "memory_delete" => {
                let (who, id): (Principal, String) = args(arg);
                let right = self.writer(who);
                reply(right.and_then(|()| self.memories.remove(&id).ok_or(Error::NotFound)))
            }
            "blob_locate" => {
                let (_who, blob): (Principal, BlobId) = args(arg);
                let found = self.memories.values().find(|m| m.place.blob_id == blob);
                reply(found.map(|m| m.place.clone()).ok_or(Error::NotFound))
            }
            "blob_open" => {
                let (key,): (BlobKey,) = args(arg);
                self.blobs.entry(key).or_default();
                reply(Ok(()))
            }
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
                let (key, count, total): (BlobKey, u32, u64) = args(arg);
                reply(self.seal(key, count, total))
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

    fn writer(&self, who: Principal) -> Result<()> {
        self.writers
            .contains(&who)
            .then_some(())
            .ok_or(Error::Unauthorized)
    }

    fn put(&mut self, key: BlobKey, index: u32, bytes: Vec<u8>) -> Result<()> {
        let blob = self.blobs.get_mut(&key).ok_or(Error::NotFound)?;
        match *blob.chunks.entry(index).or_insert_with(|| bytes.clone()) == bytes {
            true => Ok(()),
            false => Err(Error::conflict("other bytes")),
        }
    }

    fn seal(&mut self, key: BlobKey, count: u32, total: u64) -> Result<()> {
        let blob = self.blobs.get_mut(&key).ok_or(Error::NotFound)?;
        let bytes: usize = blob.chunks.values().map(Vec::len).sum();
        if (blob.chunks.len() as u32, bytes as u64) != (count, total) {
            return Err(Error::invalid("a chunk is missing"));
        }
        blob.sealed = true;
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

fn args<T: for<'a> ArgumentDecoder<'a>>(arg: &[u8]) -> T {
    decode_args(arg).expect("the callee can't decode the arguments")
}

pub fn reply<T: CandidType>(answer: Result<T>) -> Vec<u8> {
    encode_one(answer).unwrap()
}
