//! The commands that delete memories and bring them back.

use crate::dates::date;
use crate::failure::Outcome;
use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use crate::output::{self, Output};
use capsule_shared::memory_index::TrashedMemory;
use serde_json::json;

pub struct Trash {
    pub gateway: Gateway,
    pub output: Output,
}

impl Trash {
    /// Deletes a memory, and says until when it is in the trash.
    pub async fn remove(&self, memory: &str) -> Outcome {
        // A memory that can't be read may be in the trash already.
        let capsule = self.gateway.memory(memory).await.map(|m| m.capsule_id);
        self.gateway.delete(memory).await?;
        let purge_at = match capsule {
            Ok(capsule) => self.purge_at(&capsule, memory).await,
            Err(_) => Ok(None),
        };
        let text = match &purge_at {
            Ok(Some(time)) => format!(
                "{memory} is in the trash until {}; `capsule restore {memory}` brings it back",
                date(*time)
            ),
            Ok(None) => format!("{memory} is deleted"),
            // The deletion is done; only its time is unknown.
            Err(_) => {
                format!("{memory} is deleted; `capsule trash` shows whether it can come back")
            }
        };
        let purge_at = purge_at.unwrap_or(None);
        self.output.result(
            &text,
            json!({ "memory": memory, "deleted": true, "purge_at_ns": purge_at }),
        );
        Ok(())
    }

    /// When a memory goes for good, in nanoseconds since 1970; `None` if it isn't in the trash.
    async fn purge_at(&self, capsule: &str, memory: &str) -> Result<Option<u64>, CallError> {
        let mut cursor: Option<String> = None;
        loop {
            let page = self.gateway.trash(capsule, cursor.as_deref()).await?;
            let mut entries = page.memories.iter();
            if let Some(entry) = entries.find(|entry| entry.memory.id == memory) {
                return Ok(Some(entry.trash.purge_at));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(None);
            }
        }
    }

    /// Lists the memories in the trash of a capsule.
    pub async fn list(&self, capsule: &str) -> Outcome {
        let mut cursor: Option<String> = None;
        loop {
            let page = self.gateway.trash(capsule, cursor.as_deref()).await?;
            page.memories.iter().for_each(|entry| self.entry(entry));
            cursor = page.next;
            if cursor.is_none() || output::is_broken() {
                return Ok(());
            }
        }
    }

    fn entry(&self, entry: &TrashedMemory) {
        let (memory, trash) = (&entry.memory, &entry.trash);
        self.output.result(
            &format!(
                "{}  {:>14}  until {}  {}",
                memory.id,
                memory.size,
                date(trash.purge_at),
                memory.name
            ),
            json!({
                "memory": memory.id,
                "name": memory.name,
                "bytes": memory.size,
                "trashed_by": trash.trashed_by.to_text(),
                "trashed_at_ns": trash.trashed_at,
                "purge_at_ns": trash.purge_at,
            }),
        );
    }

    /// Takes a memory out of the trash.
    pub async fn restore(&self, memory: &str) -> Outcome {
        self.gateway.restore(memory).await?;
        self.output.result(
            &format!("{memory} is restored"),
            json!({ "memory": memory, "restored": true }),
        );
        Ok(())
    }
}
