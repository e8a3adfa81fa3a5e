//! Committing finished uploads.

use super::record::{MemoryRecord, StoredPlace};
use crate::ids::{CapsuleId, MemoryId};
use crate::index::{Call, Index};
use capsule_shared::asset::AssetMetadata;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS, MAX_METADATA_BYTES, MAX_NAME_BYTES};
use capsule_shared::memory_index::{Memory, MemoryCommit};
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// The answer to a repeated commit, with the memory's present place. `None` if the session
    /// committed nothing yet.
    pub fn committed(&self, call: Call, commit: &MemoryCommit) -> Option<Result<Memory>> {
        let number = self.by_session.get(&(call.gateway, commit.session_id))?;
        let id = MemoryId(number);
        Some(match self.memories.get(&number) {
            None => Err(Error::NotFound),
            Some(memory) if memory.is_taken_down() => Err(Error::NotFound),
            Some(memory) if is_of(&memory, commit) => Ok(memory.into_memory(id)),
            Some(_) => Err(Error::conflict(format!(
                "session {} of this gateway committed {id}, expected the same contents again",
                commit.session_id
            ))),
        })
    }

    /// Makes the memory of a finished upload, once for each gateway and session.
    ///
    /// The same commit again returns the same memory, even if the right to write is gone meanwhile.
    /// `InvalidArgument` for a commit that contradicts itself or exceeds a limit, `Conflict` if the
    /// session committed something else, `Unauthorized` without the right to write. `NotFound` if
    /// the capsule doesn't exist, or if the memory was deleted or taken down: it doesn't come back.
    /// A memory in the trash stays there, and a relocated one stays in its store.
    /// `ResourceExhausted` without room in the index or in the capsule.
    pub fn memory_commit(&mut self, call: Call, commit: MemoryCommit) -> Result<Memory> {
        let metadata_bytes = check(&commit)?;
        if let Some(answer) = self.committed(call, &commit) {
            return answer;
        }
        let session = (call.gateway, commit.session_id);
        let (capsule_id, mut capsule) = self.capsule(commit.who, &commit.capsule_id)?;
        capsule.stored_bytes = capsule
            .stored_bytes
            .checked_add(commit.place.size)
            .ok_or(Error::ResourceExhausted)?;
        capsule.memory_count += 1;
        capsule.metadata_bytes = Some(capsule.metadata_bytes.unwrap_or(0) + metadata_bytes);
        self.capacity.check_commit(capsule.held())?;
        capsule.touch(commit.who, call.now);

        let id = self.next_memory(capsule.memory_count);
        let memory = MemoryRecord {
            capsule: capsule_id.0,
            uploaded_by: commit.who,
            uploaded_at: call.now,
            metadata: commit.metadata,
            place: commit.place.into(),
            sha256: commit.sha256,
            gateway: call.gateway,
            session_id: commit.session_id,
            metadata_bytes: Some(metadata_bytes),
            trash: None,
            relocated: None,
        };
        self.by_session.insert(session, id.0);
        self.enter_lists(id, &memory);
        self.enter_store(id, &memory);
        self.capsules.insert(capsule_id.0, capsule);
        self.memories.insert(id.0, memory.clone());
        Ok(memory.into_memory(id))
    }
}

/// Everything that can be checked without a look-up. Returns the bytes of the metadata.
fn check(commit: &MemoryCommit) -> Result<u64> {
    let place = &commit.place;
    if commit.sha256.len() != 32 {
        return Err(Error::invalid(format!(
            "sha256 length is {} bytes, expected 32",
            commit.sha256.len()
        )));
    }
    if place.chunk_count == 0 || place.chunk_count > MAX_CHUNKS {
        return Err(Error::invalid(format!(
            "chunk_count is {}, expected 1 to {MAX_CHUNKS}",
            place.chunk_count
        )));
    }
    let least = u64::from(place.chunk_count);
    let most = least * MAX_CHUNK_BYTES as u64;
    if place.size < least || place.size > most {
        return Err(Error::invalid(format!(
            "size is {} bytes, expected {least} to {most} in {} chunks",
            place.size, place.chunk_count
        )));
    }
    if place.blob_id != place.key.blob_id() {
        return Err(Error::invalid(format!(
            "blob_id is {}, expected {} for the key",
            place.blob_id,
            place.key.blob_id()
        )));
    }
    let name = commit.metadata.base().name.len();
    if name == 0 || name > MAX_NAME_BYTES {
        return Err(Error::invalid(format!(
            "name length is {name} bytes, expected 1 to {MAX_NAME_BYTES}"
        )));
    }
    let metadata = encoded(&commit.metadata).len();
    if metadata > MAX_METADATA_BYTES {
        return Err(Error::invalid(format!(
            "metadata length is {metadata} bytes, expected at most {MAX_METADATA_BYTES}"
        )));
    }
    Ok(metadata as u64)
}

/// Whether this commit made the memory. It compares metadata as Candid, because a NaN in it differs
/// from itself. A commit names the store of its time, so a relocated memory may be in another one.
fn is_of(memory: &MemoryRecord, commit: &MemoryCommit) -> bool {
    CapsuleId(memory.capsule).to_string() == commit.capsule_id
        && memory.uploaded_by == commit.who
        && is_at(memory, commit.place.clone().into())
        && memory.sha256 == commit.sha256
        && encoded(&memory.metadata) == encoded(&commit.metadata)
}

fn is_at(memory: &MemoryRecord, committed: StoredPlace) -> bool {
    let store = match memory.relocated {
        Some(true) => committed.store,
        _ => memory.place.store,
    };
    StoredPlace {
        store,
        ..memory.place
    } == committed
}

fn encoded(metadata: &AssetMetadata) -> Vec<u8> {
    candid::encode_one(metadata).expect("BUG: Candid can't write metadata")
}
