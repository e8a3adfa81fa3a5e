//! Reading, and what is passed on to the index: it knows the right and the place, the blob store has the bytes.

use super::begin::check_text;
use super::service::UploadService;
use super::types::SessionMeta;
use crate::failure::{Failure, Result};
use crate::peers::{index_error, store_error};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::BlobId;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::limits::{MAX_ID_BYTES, MAX_PAGE, MAX_WHOLE_READ_BYTES};
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryPage};
use capsule_shared::upload::BlobMeta;
use ic_stable_structures::Memory as StableMemory;
use serde_bytes::ByteBuf;

/// What `debug_session_stats` tells.
#[cfg(debug_assertions)]
#[derive(candid::CandidType, serde::Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DebugSessionStats {
    pub total_active: u64,
    pub by_principal: Vec<(Principal, u32)>,
    /// The following three since the last install or upgrade, as `Events` counts them.
    pub total_chunk_writes: u64,
    pub finish_ok_count: u64,
    pub finish_err_count: u64,
    pub open_calls: u32,
    pub queued_jobs: u64,
}

/// Sessions that `sessions_list` names, and the bytes of text it makes: names are long where their owners like, and a
/// reply that is too large would be a trap.
const MAX_LISTED: usize = 1_000;
const MAX_LIST_BYTES: usize = 1 << 20;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    async fn locate(&self, caller: Principal, locator: &str) -> Result<BlobPlace> {
        check_text("the locator", locator, MAX_ID_BYTES)?;
        let blob = BlobId::from_locator(locator).ok_or_else(|| {
            Failure::invalid(format!(
                "the locator is {locator:?}, expected blob_<decimal> or icp://blob/blob_<decimal>"
            ))
        })?;
        let place = self.peers.blob_locate(self.index()?, caller, blob).await;
        place.map_err(index_error)
    }

    pub async fn blob_meta(&self, caller: Principal, locator: &str) -> Result<BlobMeta> {
        let place = self.locate(caller, locator).await?;
        Ok(BlobMeta {
            size: place.size,
            chunk_count: place.chunk_count,
        })
    }

    /// One chunk; an index beyond the end is `InvalidArgument`.
    pub async fn blob_chunk(
        &self,
        caller: Principal,
        locator: &str,
        index: u32,
    ) -> Result<ByteBuf> {
        let place = self.locate(caller, locator).await?;
        if index >= place.chunk_count {
            return Err(Failure::invalid(format!(
                "chunk index is {index}, expected 0 to {}",
                place.chunk_count.saturating_sub(1)
            )));
        }
        self.chunk_at(&place, index).await
    }

    /// A whole blob of at most 2 MiB, put together from its chunks.
    pub async fn blob_whole(&self, caller: Principal, locator: &str) -> Result<ByteBuf> {
        let place = self.locate(caller, locator).await?;
        if place.size > MAX_WHOLE_READ_BYTES {
            return Err(Failure::invalid(format!(
                "the blob has {} bytes, expected at most {MAX_WHOLE_READ_BYTES}: read it with blob_read_chunk, chunk 0 to {}",
                place.size,
                place.chunk_count.saturating_sub(1)
            )));
        }
        let mut whole = ByteBuf::with_capacity(place.size as usize);
        for index in 0..place.chunk_count {
            whole.extend_from_slice(&self.chunk_at(&place, index).await?);
        }
        Ok(whole)
    }

    async fn chunk_at(&self, place: &BlobPlace, index: u32) -> Result<ByteBuf> {
        let chunk = self.peers.blob_read_chunk(place.store, place.key, index);
        chunk.await.map_err(store_error)
    }

    // ---- capsules and memories --------------------------------------------------------------------------------

    pub async fn create_capsule(
        &self,
        caller: Principal,
        subject: Option<PersonRef>,
    ) -> Result<Capsule> {
        self.with(|state| state.config.get().check_creator(caller))?;
        if let Some(PersonRef::Opaque(text)) = &subject {
            check_text("the opaque person", text, MAX_ID_BYTES)?;
        }
        self.check_funds()?;
        let index = self.index()?;
        let ask = || self.peers.capsule_create(index, caller, subject.clone());
        let made = self.peers.ask_index_surely(index, ask).await;
        made.map_err(index_error)
    }

    /// Gives somebody the right to read and write in a capsule; for its owners.
    pub async fn add_controller(
        &self,
        caller: Principal,
        capsule_id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
        let may_be_one = self.with(|state| state.config.get().check_caller(controller).is_ok());
        if !may_be_one || controller == Principal::management_canister() {
            return Err(Failure::invalid(format!(
                "the controller is {controller}, expected the principal of a person or a canister"
            )));
        }
        self.check_funds()?;
        let index = self.index()?;
        let ask = || {
            self.peers
                .capsule_add_controller(index, caller, capsule_id, controller)
        };
        let added = self.peers.ask_index_surely(index, ask).await;
        added.map_err(index_error)
    }

    /// Takes that right back; for owners, and for the controller.
    pub async fn remove_controller(
        &self,
        caller: Principal,
        capsule_id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        let ask = || {
            self.peers
                .capsule_remove_controller(index, caller, capsule_id, controller)
        };
        let removed = self.peers.ask_index_surely(index, ask).await;
        removed.map_err(index_error)
    }

    pub async fn read_capsule(&self, caller: Principal, id: Option<String>) -> Result<CapsuleInfo> {
        if let Some(id) = &id {
            check_text("capsule_id", id, MAX_ID_BYTES)?;
        }
        let read = self.peers.capsule_read(self.index()?, caller, id).await;
        read.map_err(index_error)
    }

    pub async fn list_capsules(&self, caller: Principal) -> Result<Vec<CapsuleHeader>> {
        let list = self.peers.capsule_list(self.index()?, caller).await;
        list.map_err(index_error)
    }

    pub async fn list_memories(
        &self,
        caller: Principal,
        capsule_id: &str,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> Result<MemoryPage> {
        check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
        if let Some(cursor) = &cursor {
            check_text("the cursor", cursor, MAX_ID_BYTES)?;
        }
        if let Some(limit) = limit
            && !(1..=MAX_PAGE).contains(&limit)
        {
            return Err(Failure::invalid(format!(
                "limit is {limit}, expected 1 to {MAX_PAGE}"
            )));
        }
        let page = self
            .peers
            .memory_list(self.index()?, caller, capsule_id, cursor, limit);
        page.await.map_err(index_error)
    }

    pub async fn read_memory(&self, caller: Principal, memory_id: &str) -> Result<Memory> {
        check_text("memory_id", memory_id, MAX_ID_BYTES)?;
        let read = self.peers.memory_read(self.index()?, caller, memory_id);
        read.await.map_err(index_error)
    }

    // ---- sessions ---------------------------------------------------------------------------------------------

    /// A session that is finishing isn't committed yet: it counts as pending here.
    pub fn sessions_stats(&self) -> String {
        let counters = self.with(|state| state.sessions.counters());
        let pending = counters.pending + counters.finishing;
        format!(
            "Total sessions: {}, Pending: {pending}, Committed: {}",
            pending + counters.committed,
            counters.committed
        )
    }

    /// A probe for debug builds.
    #[cfg(debug_assertions)]
    pub fn debug_session_stats(&self) -> DebugSessionStats {
        let open_calls = self.open_calls();
        self.with(|state| {
            let counters = state.sessions.counters();
            DebugSessionStats {
                total_active: counters.pending + counters.finishing,
                by_principal: state.sessions.active_by_owner(),
                total_chunk_writes: state.events.chunk_writes,
                finish_ok_count: state.events.finishes_ok,
                finish_err_count: state.events.finishes_failed.values().sum(),
                open_calls,
                queued_jobs: state.jobs.len(),
            }
        })
    }

    /// One line for each session: the caller's own, or everybody's for a controller.
    pub fn sessions_list(&self, caller: Principal, is_controller: bool) -> String {
        let owner = (!is_controller).then_some(caller);
        let sessions = self.with(|state| state.sessions.list(owner, MAX_LISTED + 1));
        let mut lines = Vec::new();
        let mut bytes = 0;
        for (listed, session) in sessions.iter().enumerate() {
            let line = line(session);
            bytes += line.len() + 1;
            if listed == MAX_LISTED || bytes > MAX_LIST_BYTES {
                lines.push(format!("and more than these {listed}"));
                break;
            }
            lines.push(line);
        }
        lines.join("\n")
    }

    /// Ends what is overdue now.
    pub fn cleanup_expired(&self) -> String {
        let expired = self.end_overdue();
        let jobs = self.with(|state| state.jobs.len());
        format!("Expired sessions: {expired}, Queued jobs: {jobs}")
    }
}

fn line(session: &SessionMeta) -> String {
    format!(
        "session {}: {}, capsule {}, name {:?}, {} of {} chunks, {} bytes, last seen {}",
        session.id,
        session.status.name(),
        session.spec.scope,
        session.spec.label,
        session.received.count(),
        session.spec.expected_chunks,
        session.bytes_received,
        session.last_seen
    )
}
