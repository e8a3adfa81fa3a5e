//! Compares what is found by SHA-256 with the memories that are listed.

use crate::client::CallError;
use crate::history::model::{bytes, sha256};
use crate::history::plan::Owner;
use crate::history::run::Run;
use crate::history::verdict::Checked;
use crate::history::world::stranger;
use capsule_shared::Error;
use std::collections::BTreeSet;

/// Every file that a finish asked for is found exactly as often as it is listed, the newest first.
/// Memories in the trash and deleted ones aren't found.
pub fn files_are_found(run: &mut Run) -> Checked {
    for owner in [Owner::Alice, Owner::Bob] {
        let client = run.world.client(owner);
        let capsule = &run.capsules[&owner];
        let newest = client.memories_list_newest(capsule, None, None);
        let newest = newest.map_err(|e| format!("the newest of {owner:?}: {e}"))?;
        let oldest = client.memories_list(capsule, None, None);
        let mut oldest = oldest.map_err(|e| format!("the oldest of {owner:?}: {e}"))?;
        oldest.memories.reverse();
        if oldest.memories != newest.memories {
            return Err(format!("{newest:?} are listed, expected {oldest:?}"));
        }
        for file in files(run) {
            let same = newest.memories.iter().filter(|m| m.sha256[..] == file);
            let found = client.memories_find(capsule, &file);
            let found = found.map_err(|e| format!("finding a file of {owner:?}: {e}"))?;
            if !found.iter().eq(same) {
                return Err(format!(
                    "{found:?} of {file:?} are found, expected of {newest:?}"
                ));
            }
            let mallory = run.world.deployment.client(stranger());
            let told = mallory.memories_find(capsule, &file);
            if told != Err(CallError::Refused(Error::Unauthorized)) {
                return Err(format!("a stranger found {told:?}"));
            }
        }
    }
    Ok(())
}

/// The SHA-256 of every file that a finish asked for.
fn files(run: &Run) -> BTreeSet<[u8; 32]> {
    let finishes = run.sessions.values().flat_map(|session| {
        let compositions = session.finishes.iter();
        compositions.map(|composition| (session.file, composition))
    });
    finishes
        .map(|(number, composition)| sha256(&bytes(number, run.file(number), composition)))
        .collect()
}
