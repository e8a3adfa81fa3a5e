//! Reading memories: the gateway checks the arguments, and the index checks the right and answers.

use super::checks::check_text;
use super::service::UploadService;
use crate::failure::{Failure, Result};
use crate::peers::memory_index::PageOf;
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::limits::{MAX_ID_BYTES, MAX_PAGE};
use capsule_shared::memory_index::{Memory, MemoryHeader, MemoryPage, TrashPage};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    pub async fn list_memories(
        &self,
        caller: Principal,
        capsule_id: &str,
        cursor: Option<String>,
        limit: Option<u32>,
        newest_first: Option<bool>,
    ) -> Result<MemoryPage> {
        let page = page_of(capsule_id, cursor, limit)?;
        let (peers, index) = (&self.peers, self.index()?);
        let listed = peers.memory_list(index, caller, page, newest_first);
        Ok(listed.await?)
    }

    /// Lists the memories of a capsule whose file has this SHA-256.
    pub async fn find_memories(
        &self,
        caller: Principal,
        capsule_id: &str,
        sha256: &[u8],
    ) -> Result<Vec<MemoryHeader>> {
        check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
        let sha256 = sha256.try_into().map_err(|_| {
            Failure::invalid(format!(
                "sha256 length is {} bytes, expected 32",
                sha256.len()
            ))
        })?;
        let (peers, index) = (&self.peers, self.index()?);
        peers.find_sha256(index, caller, capsule_id, sha256).await
    }

    /// Lists the memories in the trash of a capsule.
    pub async fn list_trash(
        &self,
        caller: Principal,
        capsule_id: &str,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> Result<TrashPage> {
        let page = page_of(capsule_id, cursor, limit)?;
        let (peers, index) = (&self.peers, self.index()?);
        Ok(peers.list_trash(index, caller, page).await?)
    }

    pub async fn read_memory(&self, caller: Principal, memory_id: &str) -> Result<Memory> {
        check_text("memory_id", memory_id, MAX_ID_BYTES)?;
        self.peers
            .find_listed(self.index()?, caller, memory_id)
            .await
    }

    /// The same in an update, whose answer the network certifies. Unlike a query it costs cycles,
    /// so it needs the balance of new work.
    pub async fn read_memory_certified(
        &self,
        caller: Principal,
        memory_id: &str,
    ) -> Result<Memory> {
        self.check_funds()?;
        // Nothing is noted of this call, neither before this await nor after it.
        self.read_memory(caller, memory_id).await
    }
}

/// The page that the arguments name: `InvalidArgument`.
fn page_of(capsule: &str, cursor: Option<String>, limit: Option<u32>) -> Result<PageOf<'_>> {
    check_text("capsule_id", capsule, MAX_ID_BYTES)?;
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
    Ok(PageOf {
        capsule,
        cursor,
        limit,
    })
}
