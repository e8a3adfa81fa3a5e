//! The commands that delete memories and bring them back.

use crate::dates::date;
use crate::failure::Outcome;
use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use crate::output::{self, Output};
use capsule_shared::Error as Refusal;
use capsule_shared::memory_index::TrashedMemory;
use serde_json::json;

pub struct Trash {
    pub gateway: Gateway,
    pub output: Output,
}

impl Trash {
    /// Deletes a memory, and says until when it is in the trash.
    pub async fn remove(&self, memory: &str) -> Outcome {
        // A memory in the trash can't be read, and to delete it again changes nothing.
        let found = self.gateway.memory(memory).await;
        let hidden = matches!(&found, Err(error) if error.refusal() == Some(&Refusal::NotFound));
        self.gateway.delete(memory).await?;
        let purge_at = match &found {
            Ok(found) => self.purge_at(&found.capsule_id, memory).await,
            Err(_) => self.purge_at_anywhere(memory).await,
        };
        let again = hidden && matches!(purge_at, Ok(Some(_)));
        let text = match &purge_at {
            Ok(Some(time)) => format!(
                "{memory} is in the trash {}until {}; `capsule restore {memory}` brings it back",
                if again { "already, " } else { "" },
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
            json!({
                "memory": memory,
                "deleted": true,
                "already_in_trash": again,
                "purge_at_ns": purge_at,
            }),
        );
        Ok(())
    }

    /// When a memory in the trash of any capsule of the caller goes for good.
    async fn purge_at_anywhere(&self, memory: &str) -> Result<Option<u64>, CallError> {
        for capsule in self.gateway.capsules().await? {
            if let Some(time) = self.purge_at(&capsule.id, memory).await? {
                return Ok(Some(time));
            }
        }
        Ok(None)
    }

    /// When a memory goes for good, in nanoseconds since 1970; `None` if it isn't in the trash.
    async fn purge_at(&self, capsule: &str, memory: &str) -> Result<Option<u64>, CallError> {
        let trash = self.gateway.all_trash(capsule).await?;
        let mut entries = trash.into_iter().filter(|entry| entry.memory.id == memory);
        Ok(entries.next().map(|entry| entry.trash.purge_at))
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
