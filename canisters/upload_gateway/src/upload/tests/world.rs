//! A world for the upload service: a clock, calls that fail or wait as a test says, and helpers
//! that drive an upload.

pub use super::net::*;

use crate::regions::Regions;
use crate::runtime::{CallFailure, FailureKind, Runtime};
use crate::session::types::{Clock, LocalFuture};
use crate::upload::service::UploadService;
use crate::upload::types::{BeginArgs, SessionId};
use crate::wire::PutChunk;
use candid::{Principal, decode_args, encode_args};
use capsule_shared::asset::*;
use capsule_shared::blob_store::SharedBlob;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::upload::UploadFinishResult;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::VectorMemory;
use ic_stable_structures::memory_manager::VirtualMemory;
use serde_bytes::Bytes;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub type Service = UploadService<VirtualMemory<VectorMemory>, World>;

pub const SECOND: u64 = 1_000_000_000;

#[derive(Clone)]
pub struct World {
    pub net: Rc<RefCell<Net>>,
    /// The other store and the other index.
    pub other: Rc<RefCell<Net>>,
    pub memory: VectorMemory,
}

impl World {
    /// A configured gateway in which `OWNER` may write. It deletes memories at once.
    pub fn new() -> (World, Service) {
        let net = Net {
            now: 1_700_000_000 * SECOND,
            writers: [id(OWNER)].into(),
            liquid: 10_000_000_000_000,
            ..Net::default()
        };
        let world = World {
            net: Rc::new(RefCell::new(net)),
            other: Rc::default(),
            memory: VectorMemory::default(),
        };
        let service = world.start();
        service
            .configure(GatewayArgs {
                memory_index: Some(id(INDEX)),
                blob_stores: Some(vec![id(STORE)]),
                trash_retention_ns: Some(0),
                ..GatewayArgs::default()
            })
            .unwrap();
        (world, service)
    }

    /// The gateway after an upgrade, which keeps only stable memory and arms the timer anew.
    pub fn start(&self) -> Service {
        self.net().armed = None;
        let service = UploadService::new(Regions::open(self.memory.clone()), self.clone());
        service.schedule();
        service
    }

    pub fn net(&self) -> std::cell::RefMut<'_, Net> {
        self.net.borrow_mut()
    }

    /// Has a peer act. A store that pulls reads from the other one.
    fn act(&self, callee: Principal, method: &'static str, arg: &[u8]) -> Vec<u8> {
        let (mut peer, other) = match [OTHER_STORE, OTHER_INDEX].map(id).contains(&callee) {
            true => (self.other.borrow_mut(), &self.net),
            false => (self.net.borrow_mut(), &self.other),
        };
        if method != "blob_pull" {
            return peer.act(method, arg);
        }
        let (key, source, shared): (BlobKey, Principal, SharedBlob) = decode_args(arg).unwrap();
        assert_ne!(source, callee, "a store pulls from itself");
        reply(peer.pull(&other.borrow(), callee, key, shared))
    }

    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.net()
            .faults
            .entry(method)
            .or_default()
            .push_back(fault);
    }

    /// Lets time pass, and runs the timer while it is armed for a time that is over.
    pub fn pass(&self, service: &Service, seconds: u64) {
        self.net().now += seconds * SECOND;
        for _ in 0..20 {
            let now = self.now();
            if self.net().armed.take_if(|armed| *armed <= now).is_none() {
                return;
            }
            run(service.tick());
        }
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
            let blobs = method.starts_with("blob_") && method != "blob_locate";
            let is_store = blobs || method == "store_status";
            // The gateway asks a canister so what it is.
            let is_probe = ["upload_config", "capsule_list"].contains(&method);
            let (first, other) = match is_store || (is_probe && callee != id(INDEX)) {
                true => (id(STORE), id(OTHER_STORE)),
                false => (id(INDEX), id(OTHER_INDEX)),
            };
            assert!(callee == first || callee == other, "{method} of {callee}");
            let peer = match callee == other {
                true => world.other.clone(),
                false => world.net.clone(),
            };
            peer.borrow_mut().calls.push(method);
            peer.borrow_mut().last_arg_end = arg.as_ptr_range().end as usize;
            let fault = peer
                .borrow_mut()
                .faults
                .get_mut(method)
                .and_then(VecDeque::pop_front);
            let failed = |may_have_acted, kind| {
                Err(CallFailure {
                    may_have_acted,
                    kind,
                    text: "scripted".into(),
                })
            };
            let answer = match fault {
                None => Ok(world.act(callee, method, &arg)),
                Some(Fault::NotSent) => failed(false, FailureKind::NotSent),
                Some(Fault::Rejected) => failed(false, FailureKind::Rejected),
                Some(Fault::NoMethod) => failed(false, FailureKind::NoMethod),
                Some(Fault::LostReply) => {
                    world.act(callee, method, &arg);
                    failed(true, FailureKind::Rejected)
                }
                Some(Fault::Refused(error)) if is_store => Ok(reply::<()>(Err(error))),
                Some(Fault::Refused(error)) => Ok(told::<()>(Err(error))),
                Some(Fault::RefusedGateway) => {
                    let refused: Result<()> = Err(Error::Unauthorized);
                    Ok(encode_args((refused, false)).unwrap())
                }
                Some(Fault::Replied(bytes)) => Ok(bytes),
            };
            if let Ok(reply) = &answer {
                peer.borrow_mut().last_reply_end = reply.as_ptr_range().end as usize;
            }
            // An answer never arrives in the message that sent the call.
            let mut asked = false;
            poll_fn(|_| {
                let wait = !asked || peer.borrow().held.contains(method);
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

    fn in_query(&self) -> bool {
        self.net().in_query
    }

    fn instructions(&self) -> u64 {
        let mut net = self.net();
        net.instructions += net.instructions_per_look;
        net.instructions
    }

    fn named_peer(&self, name: &str) -> Option<Principal> {
        self.net().named.get(name).copied()
    }

    fn log(&self, line: &str) {
        self.net().log.push(line.to_string());
    }

    fn wake_at(&self, time: u64) {
        let mut net = self.net();
        let armed = net.armed.unwrap_or(u64::MAX);
        net.armed = Some(time.min(armed));
        net.woken = time;
    }
}

pub fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future to its end. All its calls get answers.
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
    let message = encode_args((session.0, index, Bytes::new(bytes))).unwrap();
    PutChunk::decode([&[0; PutChunk::ROOM], &message[..]].concat()).unwrap()
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
    uploaded_as(service, "key")
}

fn uploaded_as(service: &Service, key: &str) -> SessionId {
    let session = begin(service, key, 2).unwrap();
    put(service, session, 0, b"first").unwrap();
    put(service, session, 1, b"last").unwrap();
    session
}

/// The same upload with another idempotency key, which is a memory then.
pub fn committed_as(service: &Service, key: &str) {
    finish(service, uploaded_as(service, key), FILE).unwrap();
}

pub const FILE: &[u8] = b"firstlast";
