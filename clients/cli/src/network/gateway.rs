//! The methods of the upload gateway.
//!
//! Each is repeated for the patience of the client. Its errors name the item that it is about.

use crate::network::call::{Call, Caller};
use crate::network::error::{CallError, ConnectError};
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal};
use capsule_shared::Error as Refusal;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::{Memory, MemoryHeader, MemoryPage, TrashPage, TrashedMemory};
use capsule_shared::upload::{UploadFinishResult, UploadStatus};
use ic_agent::Agent;
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};
use std::time::Duration;

/// A finish may have to wait until the store has hashed the whole file.
const FINISH_PATIENCE: Duration = Duration::from_secs(3_600);

/// The method that reads a memory with a certified answer. Gateways of release 0.1.0 lack it.
const CERTIFIED_READ: &str = "memories_read_certified";

/// One gateway, called by one identity.
#[derive(Clone)]
pub struct Gateway {
    pub(super) caller: Caller,
    /// How long each call is repeated.
    pub(super) patience: Duration,
}

impl Gateway {
    pub fn new(agent: Agent, canister: Principal, patience: Duration) -> Self {
        Self {
            caller: Caller { agent, canister },
            patience,
        }
    }

    /// The canister id.
    pub fn id(&self) -> Principal {
        self.caller.canister
    }

    /// The principal in whose name the gateway is called.
    pub fn sender(&self) -> Result<Principal, ConnectError> {
        let sender = self.caller.agent.get_principal();
        sender.map_err(ConnectError::NoPrincipal)
    }

    /// The same gateway, whose calls are repeated for at most `patience`.
    pub fn patient_for(&self, patience: Duration) -> Self {
        Self {
            caller: self.caller.clone(),
            patience: self.patience.min(patience),
        }
    }

    /// The caller's own capsule, made if there is none.
    pub async fn own_capsule(&self) -> Result<Capsule, CallError> {
        let subject: Option<PersonRef> = None;
        self.update("your own capsule", "capsules_create", (subject,))
            .await
    }

    /// The caller's own capsule, if there is one.
    pub async fn own_capsule_if_any(&self) -> Result<Option<String>, CallError> {
        let own: Option<&str> = None;
        let found: Result<CapsuleInfo, CallError> = self
            .query("your own capsule", "capsules_read_basic", (own,))
            .await;
        match found {
            Ok(capsule) => Ok(Some(capsule.capsule_id)),
            Err(error) if error.refusal() == Some(&Refusal::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn capsules(&self) -> Result<Vec<CapsuleHeader>, CallError> {
        let call = self.call("your capsules", "capsules_list", ());
        self.caller.plain_query(call).await
    }

    /// Begins an upload or finds the one that `key` names. Returns the session id.
    pub async fn begin(
        &self,
        capsule: &str,
        metadata: &AssetMetadata,
        chunks: u32,
        key: &str,
    ) -> Result<u64, CallError> {
        let what = format!("beginning an upload into {capsule}");
        let args = (capsule, metadata, chunks, key);
        self.update(what, "uploads_begin", args).await
    }

    pub async fn put(&self, session: u64, index: u32, bytes: &[u8]) -> Result<(), CallError> {
        let what = format!("chunk {index} of session {session}");
        let args = (session, index, Bytes::new(bytes));
        self.update(what, "uploads_put_chunk", args).await
    }

    /// Finishes an upload of `bytes` bytes.
    pub async fn finish(
        &self,
        session: u64,
        sha256: &[u8],
        bytes: u64,
    ) -> Result<UploadFinishResult, CallError> {
        let what = format!("finishing session {session}");
        let args = (session, Bytes::new(sha256), bytes);
        let mut call = self.call(what, "uploads_finish", args);
        call.patience = self.patience.max(FINISH_PATIENCE);
        self.caller.update(call).await
    }

    pub async fn abort(&self, session: u64) -> Result<(), CallError> {
        let what = format!("session {session}");
        self.update(what, "uploads_abort", (session,)).await
    }

    pub async fn status(&self, session: u64) -> Result<UploadStatus, CallError> {
        let what = format!("session {session}");
        self.query(what, "uploads_status", (session,)).await
    }

    /// The same as an update, whose answer the network certifies and no replica gives too late.
    pub async fn status_surely(&self, session: u64) -> Result<UploadStatus, CallError> {
        let what = format!("session {session}");
        self.update(what, "uploads_status", (session,)).await
    }

    pub async fn uploads(&self) -> Result<Vec<UploadStatus>, CallError> {
        self.query("your uploads", "uploads_list", ()).await
    }

    /// A capsule that the caller may read.
    pub async fn capsule(&self, id: &str) -> Result<CapsuleInfo, CallError> {
        let what = format!("capsule {id}");
        self.query(what, "capsules_read_basic", (Some(id),)).await
    }

    /// The memories of a capsule with this SHA-256, the newest first.
    pub async fn find(&self, capsule: &str, sha256: &[u8]) -> Result<Vec<MemoryHeader>, CallError> {
        let what = format!("the memories of capsule {capsule} with this SHA-256");
        let args = (capsule, Bytes::new(sha256));
        self.query(what, "memories_find", args).await
    }

    /// All memories of a capsule, oldest first.
    pub async fn all_memories(&self, capsule: &str) -> Result<Vec<MemoryHeader>, CallError> {
        all_pages(async |cursor| {
            let page = self.memories(capsule, cursor.as_deref()).await?;
            Ok((page.memories, page.next))
        })
        .await
    }

    /// The page of memories behind `cursor`, oldest first.
    pub async fn memories(
        &self,
        capsule: &str,
        cursor: Option<&str>,
    ) -> Result<MemoryPage, CallError> {
        let what = format!("capsule {capsule}");
        let limit: Option<u32> = None;
        let args = (capsule, cursor, limit);
        self.query(what, "memories_list", args).await
    }

    pub async fn memory(&self, id: &str) -> Result<Memory, CallError> {
        let what = format!("memory {id}");
        self.query(what, "memories_read", (id,)).await
    }

    /// A memory as the whole network certifies it. `None` if the gateway has no method for that.
    pub async fn certified_memory(&self, id: &str) -> Result<Option<Memory>, CallError> {
        let what = format!("memory {id}");
        let error = match self.update(what, CERTIFIED_READ, (id,)).await {
            Ok(memory) => return Ok(Some(memory)),
            Err(error) => error,
        };
        match error.is_rejection() && !self.certifies_memories().await? {
            true => Ok(None),
            false => Err(error),
        }
    }

    /// Whether the gateway can certify a memory. Its interface is certified itself, so one node
    /// alone can't pretend that the method is missing.
    async fn certifies_memories(&self) -> Result<bool, CallError> {
        let what = "the gateway's interface".to_string();
        let section = "candid:service";
        let interface = self.caller.metadata(what, section, self.patience).await?;
        let interface = interface.unwrap_or_default();
        Ok(String::from_utf8_lossy(&interface).contains(CERTIFIED_READ))
    }

    pub async fn delete(&self, id: &str) -> Result<(), CallError> {
        let what = format!("memory {id}");
        self.update(what, "memories_delete", (id,)).await
    }

    /// The page of a capsule's trash behind `cursor`.
    pub async fn trash(&self, capsule: &str, cursor: Option<&str>) -> Result<TrashPage, CallError> {
        let what = format!("the trash of capsule {capsule}");
        let limit: Option<u32> = None;
        let args = (capsule, cursor, limit);
        self.query(what, "memories_trash", args).await
    }

    /// The whole trash of a capsule.
    pub async fn all_trash(&self, capsule: &str) -> Result<Vec<TrashedMemory>, CallError> {
        all_pages(async |cursor| {
            let page = self.trash(capsule, cursor.as_deref()).await?;
            Ok((page.memories, page.next))
        })
        .await
    }

    /// Deletes a memory in the trash for good.
    pub async fn purge(&self, id: &str) -> Result<(), CallError> {
        let what = format!("memory {id}");
        self.update(what, "memories_purge", (id,)).await
    }

    pub async fn restore(&self, id: &str) -> Result<(), CallError> {
        let what = format!("memory {id}");
        self.update(what, "memories_restore", (id,)).await
    }

    /// The bytes of one chunk of a blob.
    pub async fn chunk(&self, locator: &str, index: u32) -> Result<ByteBuf, CallError> {
        let what = format!("chunk {index} of {locator}");
        self.query(what, "blob_read_chunk", (locator, index)).await
    }

    async fn update<T: CandidType + DeserializeOwned>(
        &self,
        what: impl Into<String>,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Result<T, CallError> {
        self.caller.update(self.call(what, method, args)).await
    }

    async fn query<T: CandidType + DeserializeOwned>(
        &self,
        what: impl Into<String>,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Result<T, CallError> {
        self.caller.query(self.call(what, method, args)).await
    }

    fn call<'a>(
        &self,
        what: impl Into<String>,
        method: &'a str,
        args: impl ArgumentEncoder,
    ) -> Call<'a> {
        Call {
            what: what.into(),
            method,
            arg: encode_args(args).expect("BUG: the arguments are Candid"),
            patience: self.patience,
        }
    }
}

/// All entries of a list that comes in pages.
async fn all_pages<T>(
    page: impl AsyncFn(Option<String>) -> Result<(Vec<T>, Option<String>), CallError>,
) -> Result<Vec<T>, CallError> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let (entries, next) = page(cursor).await?;
        all.extend(entries);
        if next.is_none() {
            return Ok(all);
        }
        cursor = next;
    }
}
