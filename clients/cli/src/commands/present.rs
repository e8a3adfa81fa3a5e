//! Finds a file in a capsule by its SHA-256, so that it isn't sent again.

use crate::console;
use crate::local::source::Source;
use crate::network::gateway::Gateway;
use capsule_shared::memory_index::Memory;
use std::time::Duration;

/// How long the search is repeated. If it gives no answer, the file is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// The newest memory of the capsule that surely has the bytes of `source`, or `None`.
///
/// The search is a query, which one replica answers alone. Only a certified answer lets the client
/// keep the bytes to itself. A gateway that lacks one of the two methods can't tell.
pub async fn present(gateway: &Gateway, capsule: &str, source: &Source) -> Option<Memory> {
    let gateway = gateway.patient_for(PATIENCE);
    let found = match gateway.find(capsule, &source.sha256).await {
        Ok(found) => found,
        Err(error) => {
            console::detail(|| format!("{error}; the file is sent whether it is there or not"));
            return None;
        }
    };
    let id = &found.first()?.id;
    match gateway.certified_memory(id).await {
        Ok(Some(memory)) if is_of(&memory, id, capsule, source) => Some(memory),
        Ok(Some(_)) => {
            console::warning(&format!(
                "one node took {id} for this file; the file is sent"
            ));
            None
        }
        Ok(None) => None,
        Err(error) => {
            console::detail(|| format!("{error}; the file is sent"));
            None
        }
    }
}

fn is_of(memory: &Memory, id: &str, capsule: &str, source: &Source) -> bool {
    memory.id == id
        && memory.capsule_id == capsule
        && memory.sha256[..] == source.sha256
        && memory.place.size == source.bytes
}
