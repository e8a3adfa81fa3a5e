//! Reading memories: the gateway checks the arguments, and the index checks the right and answers.

use super::checks::check_text;
use super::service::UploadService;
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::limits::{MAX_ID_BYTES, MAX_PAGE};
use capsule_shared::memory_index::{Memory, MemoryPage, TrashPage};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory + 'static, R: Runtime> UploadService<M, R> {
    pub async fn list_memories(
        &self,
        caller: Principal,
        capsule_id: &str,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> Result<MemoryPage> {
        check_page(capsule_id, &cursor, limit)?;
        let index = self.index()?;
        let peers = &self.peers;
        let page = peers.memory_list(index, caller, capsule_id, cursor, limit);
        Ok(page.await?)
    }

    /// Lists the memories in the trash of a capsule.
    pub async fn list_trash(
        &self,
        caller: Principal,
        capsule_id: &str,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> Result<TrashPage> {
        check_page(capsule_id, &cursor, limit)?;
        let index = self.index()?;
        let peers = &self.peers;
        let page = peers.memory_trash_list(index, caller, capsule_id, cursor, limit);
        Ok(page.await?)
    }

    pub async fn read_memory(&self, caller: Principal, memory_id: &str) -> Result<Memory> {
        check_text("memory_id", memory_id, MAX_ID_BYTES)?;
        self.peers
            .find_listed(self.index()?, caller, memory_id)
            .await
    }
}

fn check_page(capsule_id: &str, cursor: &Option<String>, limit: Option<u32>) -> Result<()> {
    check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
    if let Some(cursor) = cursor {
        check_text("the cursor", cursor, MAX_ID_BYTES)?;
    }
    if let Some(limit) = limit
        && !(1..=MAX_PAGE).contains(&limit)
    {
        return Err(Failure::invalid(format!(
            "limit is {limit}, expected 1 to {MAX_PAGE}"
        )));
    }
    Ok(())
}
