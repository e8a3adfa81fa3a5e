//! A world for the upload service: one blob store and one index that keep what they are given, a
//! clock, and calls that fail or wait as a test says.

use crate::regions::regions;
use crate::runtime::{CallFailure, Runtime};
use crate::session::types::{Clock, LocalFuture};
use crate::upload::service::UploadService;
use crate::upload::types::BeginArgs;
use crate::upload::types::SessionId;
use crate::wire::PutChunk;
use candid::utils::ArgumentDecoder;
use candid::{CandidType, Principal, decode_args, encode_args, encode_one};
use capsule_shared::asset::*;
use capsule_shared::blob_store::{DeleteProgress, DigestProgress};
use capsule_shared::capsule::CapsuleHeader;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::memory_index::*;
use capsule_shared::upload::UploadFinishResult;
use capsule_shared::{BlobId, BlobKey, Error, Result};
use ic_stable_structures::VectorMemory;
use ic_stable_structures::memory_manager::VirtualMemory;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub type Service = UploadService<VirtualMemory<VectorMemory>, World>;

pub const SECOND: u64 = 1_000_000_000;

/// What happens to one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It never reaches the callee, and the caller knows.
    NotSent,
    /// The callee acts, its answer is lost.
    LostReply,
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
    pub now: u64,
    pub blobs: BTreeMap<BlobKey, Blob>,
    pub memories: BTreeMap<String, Memory>,
    pub writers: BTreeSet<Principal>,
    pub faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// Calls of these methods wait, after the callee has acted.
    pub held: BTreeSet<&'static str>,
    pub calls: Vec<&'static str>,
    pub log: Vec<String>,
    pub commits: u32,
    pub liquid: u128,
    next_memory: u32,
}

#[derive(Clone)]
pub struct World {
    pub net: Rc<RefCell<Net>>,
    pub memory: VectorMemory,
}

pub fn id(n: u8) -> Principal {
    Principal::from_slice(&[n, 1, 1])
}

pub const OWNER: u8 = 1;
pub const STORE: u8 = 100;
pub const INDEX: u8 = 101;
pub const GATEWAY: u8 = 102;

impl World {
    /// A configured gateway in which `OWNER` may write.
    pub fn new() -> (World, Service) {
        let net = Net {
            now: 1_700_000_000 * SECOND,
            writers: [id(OWNER)].into(),
            liquid: 10_000_000_000_000,
            ..Net::default()
        };
        let world = World {
            net: Rc::new(RefCell::new(net)),
            memory: VectorMemory::default(),
        };
        let service = world.start();
        service
            .configure(GatewayArgs {
                memory_index: Some(id(INDEX)),
                blob_stores: Some(vec![id(STORE)]),
                ..GatewayArgs::default()
            })
            .unwrap();
        (world, service)
    }

    /// The gateway as it is after an upgrade: only stable memory is left.
    pub fn start(&self) -> Service {
        UploadService::new(regions(self.memory.clone()), self.clone())
    }

    pub fn net(&self) -> std::cell::RefMut<'_, Net> {
        self.net.borrow_mut()
    }

    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.net()
            .faults
            .entry(method)
            .or_default()
            .push_back(fault);
    }

    /// Lets time pass and the timer work until nothing is due.
    pub fn pass(&self, service: &Service, seconds: u64) {
        self.net().now += seconds * SECOND;
        for _ in 0..20 {
            run(service.tick());
        }
    }

    fn act(&self, method: &'static str, arg: &[u8]) -> Vec<u8> {
        let net = &mut *self.net();
        match method {
            "capsule_usage" => {
                let (who, _capsule): (Principal, String) = args(arg);
                reply(net.writer(who).map(|()| CapsuleUsage {
                    stored_bytes: 0,
                    memory_count: 0,
                }))
            }
            "capsule_list" => reply(Ok(Vec::<CapsuleHeader>::new())),
            "memory_commit" => reply(net.commit(args::<(MemoryCommit,)>(arg).0)),
            "memory_read" => {
                let (_who, id): (Principal, String) = args(arg);
                reply(net.memories.get(&id).cloned().ok_or(Error::NotFound))
            }
            "memory_delete" => {
                let (who, id): (Principal, String) = args(arg);
                let right = net.writer(who);
                reply(right.and_then(|()| net.memories.remove(&id).ok_or(Error::NotFound)))
            }
            "blob_locate" => {
                let (_who, blob): (Principal, BlobId) = args(arg);
                let found = net.memories.values().find(|m| m.place.blob_id == blob);
                reply(found.map(|m| m.place.clone()).ok_or(Error::NotFound))
            }
            "blob_open" => {
                let (key,): (BlobKey,) = args(arg);
                net.blobs.entry(key).or_default();
                reply(Ok(()))
            }
            "blob_release" => {
                let (key,): (BlobKey,) = args(arg);
                net.blobs
                    .retain(|k, blob| *k != key || blob.foreign || !blob.chunks.is_empty());
                reply(Ok(()))
            }
            "blob_put_chunk" => {
                let (key, index, bytes): (BlobKey, u32, ByteBuf) = args(arg);
                reply(net.put(key, index, bytes.into_vec()))
            }
            "blob_seal" => {
                let (key, count, total): (BlobKey, u32, u64) = args(arg);
                reply(net.seal(key, count, total))
            }
            "blob_digest" => {
                let (key,): (BlobKey,) = args(arg);
                let blob = net.blobs.get_mut(&key).expect("no blob");
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
                if let Some(blob) = net.blobs.get_mut(&key) {
                    if blob.foreign {
                        return reply::<DeleteProgress>(Err(Error::Unauthorized));
                    }
                    blob.chunks.pop_first();
                    if !blob.chunks.is_empty() {
                        let left = blob.chunks.len() as u32;
                        return reply(Ok(DeleteProgress::Remaining(left)));
                    }
                    net.blobs.remove(&key);
                }
                reply(Ok(DeleteProgress::Done))
            }
            "blob_read_chunk" => {
                let (key, index): (BlobKey, u32) = args(arg);
                let chunk = net.blobs.get(&key).and_then(|b| b.chunks.get(&index));
                reply(
                    chunk
                        .map(|c| ByteBuf::from(c.clone()))
                        .ok_or(Error::NotFound),
                )
            }
            other => panic!("nobody offers {other}"),
        }
    }
}

fn args<T: for<'a> ArgumentDecoder<'a>>(arg: &[u8]) -> T {
    decode_args(arg).expect("arguments that the callee can't decode")
}

fn reply<T: CandidType>(answer: Result<T>) -> Vec<u8> {
    encode_one(answer).unwrap()
}

impl Net {
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

impl Clock for World {
    fn now(&self) -> u64 {
        self.net().now
    }
}

impl Runtime for World {
    fn call(
        &self,
        callee: Principal,
        method: &'static str,
        arg: Vec<u8>,
    ) -> LocalFuture<std::result::Result<Vec<u8>, CallFailure>> {
        let world = self.clone();
        Box::pin(async move {
            let expected = if method.starts_with("blob_") && method != "blob_locate" {
                id(STORE)
            } else {
                id(INDEX)
            };
            assert_eq!(callee, expected, "{method}");
            world.net().calls.push(method);
            let fault = world
                .net()
                .faults
                .get_mut(method)
                .and_then(VecDeque::pop_front);
            let failed = |may_have_acted| {
                Err(CallFailure {
                    may_have_acted,
                    text: "scripted".into(),
                })
            };
            let answer = match fault {
                None => Ok(world.act(method, &arg)),
                Some(Fault::NotSent) => failed(false),
                Some(Fault::LostReply) => {
                    world.act(method, &arg);
                    failed(true)
                }
                Some(Fault::Refused(error)) => Ok(reply::<()>(Err(error))),
            };
            // An answer is never there in the message that asked.
            let mut asked = false;
            poll_fn(|_| {
                let wait = !asked || world.net().held.contains(method);
                asked = true;
                if wait { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            answer
        })
    }

    fn self_id(&self) -> Principal {
        id(GATEWAY)
    }

    fn liquid_cycles(&self) -> u128 {
        self.net().liquid
    }

    fn named_peer(&self, _name: &str) -> Option<Principal> {
        None
    }

    fn log(&self, line: &str) {
        self.net().log.push(line.to_string());
    }

    fn wake_at(&self, _time: u64) {}
}

pub fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future whose calls are all answered.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..10_000 {
        if let Poll::Ready(value) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return value;
        }
    }
    panic!("a future that doesn't end");
}

pub fn begin_args(key: &str, name: &str, chunks: u32, bytes: u64) -> BeginArgs {
    let base = AssetMetadataBase {
        name: name.into(),
        mime_type: "image/jpeg".into(),
        bytes,
        asset_type: AssetType::Original,
        tags: vec!["holiday".into()],
        created_at: 1,
        updated_at: 2,
        description: None,
        sha256: None,
        width: Some(640),
        height: None,
        url: None,
        storage_key: None,
        bucket: None,
        asset_location: None,
        processing_status: None,
        processing_error: None,
        deleted_at: None,
    };
    BeginArgs {
        capsule_id: "capsule-1".into(),
        metadata: AssetMetadata::Note(NoteAssetMetadata {
            base,
            language: None,
            word_count: None,
            format: None,
        }),
        expected_chunks: chunks,
        idem: key.into(),
    }
}

pub fn begin(service: &Service, key: &str, chunks: u32) -> crate::failure::Result<SessionId> {
    run(service.begin(id(OWNER), begin_args(key, "photo.jpg", chunks, 0)))
}

pub fn chunk(session: SessionId, index: u32, bytes: &[u8]) -> PutChunk {
    let message = encode_args((session.0, index, ByteBuf::from(bytes.to_vec()))).unwrap();
    PutChunk::decode(message).unwrap()
}

pub fn put(
    service: &Service,
    session: SessionId,
    index: u32,
    bytes: &[u8],
) -> crate::failure::Result<()> {
    run(service.put_chunk(id(OWNER), chunk(session, index, bytes)))
}

pub fn finish(
    service: &Service,
    session: SessionId,
    file: &[u8],
) -> crate::failure::Result<UploadFinishResult> {
    let hash = Sha256::digest(file);
    run(service.finish(id(OWNER), session, &hash, file.len() as u64))
}

/// Begins an upload of two chunks, "first" and "last", and puts both.
pub fn uploaded(service: &Service) -> SessionId {
    let session = begin(service, "key", 2).unwrap();
    put(service, session, 0, b"first").unwrap();
    put(service, session, 1, b"last").unwrap();
    session
}

pub const FILE: &[u8] = b"firstlast";
