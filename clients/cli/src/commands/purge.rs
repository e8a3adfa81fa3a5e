//! The command that empties the trash: it deletes memories for good.

use crate::commands::in_order::all_in_order;
use crate::console;
use crate::failure::{Failure, Outcome, several};
use crate::network::gateway::Gateway;
use crate::output::Output;
use serde_json::json;

/// Calls at once. Each waits for a round of the network, and they share it.
const AT_ONCE: usize = 16;

/// The last word about memories that are still in the trash.
const NOT_PURGED: &str = "memories are not deleted for good, expected none; repeat the command";

/// A deletion for good of memories in the trash.
pub struct Purges {
    pub gateway: Gateway,
    pub output: Output,
}

impl Purges {
    /// Deletes these memories for good. One that fails doesn't stop the others.
    pub async fn these(&self, memories: &[String]) -> Outcome {
        if let [memory] = memories {
            return self.one(memory).await;
        }
        let purges = memories.iter().map(|memory| async move {
            let purged = self.one(memory).await;
            purged.inspect_err(|failure| {
                console::error(&failure.to_string());
                self.output.failure(None, failure);
            })
        });
        let outcomes = all_in_order(purges, AT_ONCE).await;
        let failures: Vec<Failure> = outcomes.into_iter().filter_map(Result::err).collect();
        several(&failures, memories.len(), NOT_PURGED)
    }

    /// Deletes everything for good that is in the trash of a capsule.
    pub async fn all(&self, capsule: &str) -> Outcome {
        let trash = self.gateway.all_trash(capsule).await?;
        if trash.is_empty() && !self.output.json {
            self.output.result("the trash is empty", json!(null));
        }
        let memories: Vec<String> = trash.into_iter().map(|entry| entry.memory.id).collect();
        self.these(&memories).await
    }

    async fn one(&self, memory: &str) -> Outcome {
        self.gateway.purge(memory).await?;
        self.output.result(
            &format!("{memory} is deleted for good"),
            json!({ "memory": memory, "purged": true }),
        );
        Ok(())
    }
}
