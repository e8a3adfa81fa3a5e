//! Compares the trash with the store: a memory that can still be restored has its bytes.

use super::storage::possible_keys;
use crate::client::Called;
use crate::deployment::Part;
use crate::history::plan::Owner;
use crate::history::run::Run;
use crate::history::verdict::Checked;
use crate::history::world::principal;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::StoredBlob;
use capsule_shared::keys::BlobId;
use capsule_shared::memory_index::TrashPage;
use std::collections::{BTreeMap, BTreeSet};

/// Everything in the trash has its sealed bytes in the store, and nothing in it was deleted for
/// good. Comes before the time in the trash is over.
pub fn trash_can_be_restored(run: &mut Run) -> Checked {
    let sessions = run.sessions.values();
    let purged: BTreeSet<&str> = sessions
        .filter(|session| session.purged)
        .filter_map(|session| session.committed.as_ref())
        .map(|(result, _)| result.memory_id.as_str())
        .collect();
    let keys: BTreeMap<BlobId, BlobKey> = possible_keys(run)
        .into_iter()
        .map(|key| (key.blob_id(), key))
        .collect();
    let index = run.world.auditor(Part::MemoryIndex);
    let store = run.world.auditor(Part::BlobStore);
    for owner in [Owner::Alice, Owner::Bob] {
        let (who, capsule) = (principal(owner), &run.capsules[&owner]);
        let page: Called<TrashPage> = index.query(
            "memory_trash_list",
            (who, capsule, None::<String>, None::<u32>),
        );
        let page = page.map_err(|e| format!("the trash of {owner:?}: {e}"))?;
        for trashed in page.memories {
            let memory = trashed.memory;
            if purged.contains(memory.id.as_str()) {
                return Err(format!(
                    "{} was deleted for good, but lies in the trash",
                    memory.id
                ));
            }
            let key = BlobId::from_locator(&memory.blob_id).and_then(|id| keys.get(&id));
            let key = key.ok_or_else(|| format!("{} names the blob of nobody", memory.id))?;
            let blob: Called<StoredBlob> = store.query("blob_meta", (key,));
            match blob {
                Ok(blob) if blob.sealed && blob.bytes == memory.size => {}
                blob => {
                    return Err(format!(
                        "{} lies in the trash, but the store has {blob:?}",
                        memory.id
                    ));
                }
            }
        }
    }
    Ok(())
}
