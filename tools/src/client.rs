//! Typed calls to the gateway, as one principal's frontend makes them.

use crate::source::{Chunks, UploadSpec};
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal, decode_one};
use capsule_shared::Error;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::{Memory, MemoryHeader, MemoryPage, TrashPage};
use capsule_shared::upload::{BlobMeta, UploadConfig, UploadFinishResult, UploadStatus};
use pocket_ic::common::rest::RawMessageId;
use pocket_ic::{PocketIc, RejectResponse};
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Read;

/// The reason why a call has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// The canister answered with its own error.
    Refused(Error),
    /// The network rejected the call, or the canister trapped.
    Rejected(RejectResponse),
    /// The reply has another type than expected.
    Undecodable(String),
    /// The bytes to upload are not readable.
    Source(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Refused(error) => write!(f, "{error}"),
            CallError::Rejected(reject) => write!(
                f,
                "rejected ({:?}): {}",
                reject.reject_code, reject.reject_message
            ),
            CallError::Undecodable(reason) => write!(f, "unexpected reply: {reason}"),
            CallError::Source(reason) => write!(f, "cannot read the file: {reason}"),
        }
    }
}

impl std::error::Error for CallError {}

pub type Called<T> = Result<T, CallError>;

/// A finished upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Uploaded {
    pub session_id: u64,
    pub chunks: u32,
    pub sha256: [u8; 32],
    pub result: UploadFinishResult,
}

/// The gateway as one principal sees it.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    pic: &'a PocketIc,
    gateway: Principal,
    who: Principal,
}

impl<'a> Client<'a> {
    pub fn new(pic: &'a PocketIc, gateway: Principal, who: Principal) -> Self {
        Self { pic, gateway, who }
    }

    pub fn config(&self) -> Called<UploadConfig> {
        self.query_plain("upload_config", ())
    }

    pub fn begin(&self, capsule: &str, spec: &UploadSpec) -> Called<u64> {
        self.update(
            "uploads_begin",
            (
                capsule,
                &spec.metadata,
                spec.expected_chunks,
                &spec.idempotency_key,
            ),
        )
    }

    pub fn put_chunk(&self, session: u64, index: u32, bytes: &[u8]) -> Called<()> {
        self.update("uploads_put_chunk", (session, index, Bytes::new(bytes)))
    }

    /// Sends a chunk without waiting; [`Self::chunk_answer`] waits for the answer.
    pub fn send_chunk(&self, session: u64, index: u32, bytes: &[u8]) -> Called<RawMessageId> {
        let arg = encode((session, index, Bytes::new(bytes)));
        self.pic
            .submit_call(self.gateway, self.who, "uploads_put_chunk", arg)
            .map_err(CallError::Rejected)
    }

    pub fn chunk_answer(&self, sent: RawMessageId) -> Called<()> {
        flatten(self.pic.await_call(sent))
    }

    pub fn finish(&self, session: u64, sha256: &[u8], bytes: u64) -> Called<UploadFinishResult> {
        self.update("uploads_finish", (session, Bytes::new(sha256), bytes))
    }

    pub fn abort(&self, session: u64) -> Called<()> {
        self.update("uploads_abort", (session,))
    }

    pub fn status(&self, session: u64) -> Called<UploadStatus> {
        self.query("uploads_status", (session,))
    }

    pub fn list(&self) -> Called<Vec<UploadStatus>> {
        self.query("uploads_list", ())
    }

    pub fn blob_meta(&self, locator: &str) -> Called<BlobMeta> {
        self.query("blob_get_meta", (locator,))
    }

    pub fn blob_read(&self, locator: &str) -> Called<ByteBuf> {
        self.query("blob_read", (locator,))
    }

    pub fn blob_read_range(&self, locator: &str, offset: u64, length: u64) -> Called<ByteBuf> {
        self.query("blob_read_range", (locator, offset, length))
    }

    pub fn blob_read_chunk(&self, locator: &str, index: u32) -> Called<ByteBuf> {
        self.query("blob_read_chunk", (locator, index))
    }

    pub fn capsules_create(&self, subject: Option<PersonRef>) -> Called<Capsule> {
        self.update("capsules_create", (subject,))
    }

    pub fn add_controller(&self, capsule: &str, controller: Principal) -> Called<Capsule> {
        self.update("capsules_add_controller", (capsule, controller))
    }

    pub fn remove_controller(&self, capsule: &str, controller: Principal) -> Called<Capsule> {
        self.update("capsules_remove_controller", (capsule, controller))
    }

    pub fn capsules_read_basic(&self, capsule: Option<&str>) -> Called<CapsuleInfo> {
        self.query("capsules_read_basic", (capsule,))
    }

    pub fn capsules_list(&self) -> Called<Vec<CapsuleHeader>> {
        self.query_plain("capsules_list", ())
    }

    pub fn memories_list(
        &self,
        capsule: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Called<MemoryPage> {
        self.query("memories_list", (capsule, cursor, limit))
    }

    pub fn memories_list_newest(
        &self,
        capsule: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Called<MemoryPage> {
        self.query("memories_list", (capsule, cursor, limit, Some(true)))
    }

    pub fn memories_find(&self, capsule: &str, sha256: &[u8]) -> Called<Vec<MemoryHeader>> {
        self.query("memories_find", (capsule, Bytes::new(sha256)))
    }

    pub fn memories_read(&self, memory: &str) -> Called<Memory> {
        self.query("memories_read", (memory,))
    }

    pub fn memories_read_certified(&self, memory: &str) -> Called<Memory> {
        self.update("memories_read_certified", (memory,))
    }

    pub fn memories_delete(&self, memory: &str) -> Called<()> {
        self.update("memories_delete", (memory,))
    }

    pub fn memories_trash(
        &self,
        capsule: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Called<TrashPage> {
        self.query("memories_trash", (capsule, cursor, limit))
    }

    pub fn memories_restore(&self, memory: &str) -> Called<()> {
        self.update("memories_restore", (memory,))
    }

    pub fn memories_purge(&self, memory: &str) -> Called<()> {
        self.update("memories_purge", (memory,))
    }

    pub fn capsules_leave(&self, capsule: &str) -> Called<()> {
        self.update("capsules_leave", (capsule,))
    }

    pub fn sessions_stats(&self) -> Called<String> {
        self.query("sessions_stats", ())
    }

    pub fn sessions_list(&self) -> Called<String> {
        self.query("sessions_list", ())
    }

    pub fn sessions_cleanup_expired(&self) -> Called<String> {
        self.update("sessions_cleanup_expired", ())
    }

    /// Uploads all bytes of `source`, one chunk after another, and finishes.
    ///
    /// Calls `sent` after each chunk with the bytes so far.
    pub fn upload(
        &self,
        capsule: &str,
        spec: &UploadSpec,
        source: impl Read,
        mut sent: impl FnMut(u64),
    ) -> Called<Uploaded> {
        let session_id = self.begin(capsule, spec)?;
        let mut chunks = Chunks::new(source, spec.chunk_size);
        let mut hasher = Sha256::new();
        let mut index = 0;
        let mut bytes = 0;
        let unreadable = |e: std::io::Error| CallError::Source(e.to_string());
        while let Some(chunk) = chunks.next_chunk().map_err(unreadable)? {
            hasher.update(chunk);
            self.put_chunk(session_id, index, chunk)?;
            index += 1;
            bytes += chunk.len() as u64;
            sent(bytes);
        }
        let sha256: [u8; 32] = hasher.finalize().into();
        let result = self.finish(session_id, &sha256, bytes)?;
        Ok(Uploaded {
            session_id,
            chunks: index,
            sha256,
            result,
        })
    }

    /// Reads a blob and passes each chunk to `received`.
    pub fn download(&self, locator: &str, mut received: impl FnMut(&[u8])) -> Called<BlobMeta> {
        let meta = self.blob_meta(locator)?;
        for index in 0..meta.chunk_count {
            received(&self.blob_read_chunk(locator, index)?);
        }
        Ok(meta)
    }

    /// Calls any update whose result is `variant { Ok; Err : Error }`.
    pub fn update<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        arguments: impl ArgumentEncoder,
    ) -> Called<T> {
        let reply = self
            .pic
            .update_call(self.gateway, self.who, method, encode(arguments));
        flatten(reply)
    }

    /// Calls any query with such a result.
    pub fn query<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        arguments: impl ArgumentEncoder,
    ) -> Called<T> {
        let reply = self
            .pic
            .query_call(self.gateway, self.who, method, encode(arguments));
        flatten(reply)
    }

    /// Calls a query that can't fail.
    fn query_plain<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        arguments: impl ArgumentEncoder,
    ) -> Called<T> {
        let reply = self
            .pic
            .query_call(self.gateway, self.who, method, encode(arguments));
        decode(reply)
    }
}

fn encode(arguments: impl ArgumentEncoder) -> Vec<u8> {
    encode_args(arguments).expect("BUG: the arguments can be encoded")
}

fn decode<T: CandidType + DeserializeOwned>(reply: Result<Vec<u8>, RejectResponse>) -> Called<T> {
    let bytes = reply.map_err(CallError::Rejected)?;
    decode_one(&bytes).map_err(|e| CallError::Undecodable(e.to_string()))
}

fn flatten<T: CandidType + DeserializeOwned>(reply: Result<Vec<u8>, RejectResponse>) -> Called<T> {
    decode::<Result<T, Error>>(reply)?.map_err(CallError::Refused)
}
