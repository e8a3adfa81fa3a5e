//! Memories: committing finished uploads, listing, reading and deleting them, and finding blobs.

use crate::ids::{CapsuleId, MemoryId};
use crate::index::{Call, Index};
use crate::record::MemoryRecord;
use candid::Principal;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::limits::{
    MAX_CHUNK_BYTES, MAX_CHUNKS, MAX_METADATA_BYTES, MAX_NAME_BYTES, MAX_PAGE,
};
use capsule_shared::memory_index::{BlobPlace, Memory, MemoryCommit, MemoryHeader, MemoryPage};
use capsule_shared::{BlobId, Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// Makes the memory of a finished upload, once for each (gateway, session).
    ///
    /// The same again returns the same memory, also when the right to write is gone meanwhile: it is committed.
    /// `Conflict` when the session committed something else; `NotFound` when its memory is deleted (it doesn't come back)
    /// or there is no such capsule; `Unauthorized` without the right to write.
    pub fn memory_commit(&mut self, call: Call, commit: MemoryCommit) -> Result<Memory> {
        check(&commit)?;
        let session = (call.gateway, commit.session_id);
        if let Some(number) = self.by_session.get(&session) {
            let memory = self.memories.get(&number).ok_or(Error::NotFound)?;
            return if is_of(&memory, &commit) {
                Ok(whole(MemoryId(number), memory))
            } else {
                Err(Error::conflict(format!(
                    "session {} of this gateway has committed {} with other contents",
                    commit.session_id,
                    MemoryId(number)
                )))
            };
        }
        let (capsule_id, mut capsule) = self.capsule(commit.who, &commit.capsule_id)?;
        capsule.stored_bytes = capsule
            .stored_bytes
            .checked_add(commit.place.size)
            .ok_or(Error::ResourceExhausted)?;
        capsule.memory_count += 1;
        capsule.touch(commit.who, call.now);

        let id = self.next_memory();
        let memory = MemoryRecord {
            capsule: capsule_id.0,
            uploaded_by: commit.who,
            uploaded_at: call.now,
            metadata: commit.metadata,
            place: commit.place,
            sha256: commit.sha256,
            gateway: call.gateway,
            session_id: commit.session_id,
        };
        self.by_session.insert(session, id.0);
        self.by_capsule.insert((capsule_id.0, id.0));
        self.by_blob.insert((memory.place.blob_id.0, id.0));
        self.capsules.insert(capsule_id.0, capsule);
        self.memories.insert(id.0, memory.clone());
        Ok(whole(id, memory))
    }

    /// A page of the memories of a capsule, oldest first: at most `limit` (which is at most [`MAX_PAGE`], and that when
    /// not given) of those behind `cursor`. A cursor stays good when the memory it stands on is deleted.
    pub fn memory_list(
        &self,
        who: Principal,
        capsule_id: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<MemoryPage> {
        let (capsule, _) = self.capsule(who, capsule_id)?;
        let limit = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE) as usize;
        if limit == 0 {
            return Err(Error::invalid(format!(
                "a page of 0 memories; expected 1 to {MAX_PAGE}"
            )));
        }
        let from = match cursor {
            None => 0,
            Some(text) => match MemoryId::parse(text) {
                Ok(last) => last.0.saturating_add(1),
                Err(_) => {
                    return Err(Error::invalid(
                        "the cursor isn't one; expected the `next` of a page before",
                    ));
                }
            },
        };
        let mut rest = self
            .by_capsule
            .range((capsule.0, from)..=(capsule.0, u64::MAX))
            .map(|(_, number)| MemoryId(number));
        let ids: Vec<MemoryId> = rest.by_ref().take(limit).collect();
        let more = rest.next().is_some();
        let header = |id: &MemoryId| {
            let memory = self.memories.get(&id.0);
            header(*id, memory.expect("BUG: a capsule without its memory"))
        };
        Ok(MemoryPage {
            memories: ids.iter().map(header).collect(),
            next: ids.last().filter(|_| more).map(|id| id.to_string()),
        })
    }

    /// A memory with all its metadata.
    pub fn memory_read(&self, who: Principal, id: &str) -> Result<Memory> {
        let (id, memory, _) = self.memory(who, id)?;
        Ok(whole(id, memory))
    }

    /// Deletes a memory and returns what it was. Only the gateway that committed it can, since no other can delete its
    /// blob: `Conflict` names it. `NotFound` when it is deleted already.
    pub fn memory_delete(&mut self, call: Call, who: Principal, id: &str) -> Result<Memory> {
        let (id, memory, mut capsule) = self.memory(who, id)?;
        if memory.gateway != call.gateway {
            return Err(Error::conflict(format!(
                "gateway {} committed {id}, only it can delete it",
                memory.gateway
            )));
        }
        capsule.stored_bytes -= memory.place.size;
        capsule.memory_count -= 1;
        capsule.touch(who, call.now);
        self.capsules.insert(memory.capsule, capsule);
        self.by_capsule.remove(&(memory.capsule, id.0));
        self.by_blob.remove(&(memory.place.blob_id.0, id.0));
        self.memories.remove(&id.0);
        Ok(whole(id, memory))
    }

    /// Where the bytes of a blob lie, for somebody who may read it. `NotFound` for a blob of no memory, `Unauthorized`
    /// for one of foreign memories.
    ///
    /// Blob ids are unique in one blob store. Should memories in several stores have the same, it is the one of the
    /// calling gateway, or else the oldest that `who` may read.
    pub fn blob_locate(&self, call: Call, who: Principal, blob_id: BlobId) -> Result<BlobPlace> {
        let mut found = Vec::new();
        let mut known = false;
        for (_, number) in self.by_blob.range((blob_id.0, 0)..=(blob_id.0, u64::MAX)) {
            known = true;
            let memory = self.memories.get(&number);
            let memory = memory.expect("BUG: a blob without its memory");
            if self.capsule_of(&memory).has_right(who) {
                found.push(memory);
            }
        }
        let own = found.iter().position(|m| m.gateway == call.gateway);
        match found.into_iter().nth(own.unwrap_or(0)) {
            Some(memory) => Ok(memory.place),
            None if known => Err(Error::Unauthorized),
            None => Err(Error::NotFound),
        }
    }
}

/// What can be said of a commit without looking anything up.
fn check(commit: &MemoryCommit) -> Result<()> {
    let place = &commit.place;
    if commit.sha256.len() != 32 {
        return Err(Error::invalid(format!(
            "a SHA-256 of {} bytes; expected 32",
            commit.sha256.len()
        )));
    }
    if place.chunk_count == 0 || place.chunk_count > MAX_CHUNKS {
        return Err(Error::invalid(format!(
            "{} chunks; expected 1 to {MAX_CHUNKS}",
            place.chunk_count
        )));
    }
    let chunks = u64::from(place.chunk_count);
    if place.size < chunks || place.size > chunks * MAX_CHUNK_BYTES as u64 {
        return Err(Error::invalid(format!(
            "{} bytes in {chunks} chunks; expected 1 to {MAX_CHUNK_BYTES} a chunk",
            place.size
        )));
    }
    if place.blob_id != place.key.blob_id() {
        return Err(Error::invalid(format!(
            "blob id {} for a key of {}",
            place.blob_id,
            place.key.blob_id()
        )));
    }
    let name = commit.metadata.base().name.len();
    if name == 0 || name > MAX_NAME_BYTES {
        return Err(Error::invalid(format!(
            "a name of {name} bytes; expected 1 to {MAX_NAME_BYTES}"
        )));
    }
    let metadata = encoded(&commit.metadata).len();
    if metadata > MAX_METADATA_BYTES {
        return Err(Error::invalid(format!(
            "{metadata} bytes of metadata; expected at most {MAX_METADATA_BYTES}"
        )));
    }
    Ok(())
}

/// Whether the memory is what this commit made. Metadata is compared as Candid: a NaN in it differs from itself.
fn is_of(memory: &MemoryRecord, commit: &MemoryCommit) -> bool {
    CapsuleId(memory.capsule).to_string() == commit.capsule_id
        && memory.uploaded_by == commit.who
        && memory.place == commit.place
        && memory.sha256 == commit.sha256
        && encoded(&memory.metadata) == encoded(&commit.metadata)
}

fn encoded(metadata: &AssetMetadata) -> Vec<u8> {
    candid::encode_one(metadata).expect("BUG: metadata that isn't Candid")
}

fn whole(id: MemoryId, memory: MemoryRecord) -> Memory {
    Memory {
        id: id.to_string(),
        capsule_id: CapsuleId(memory.capsule).to_string(),
        uploaded_by: memory.uploaded_by,
        uploaded_at: memory.uploaded_at,
        metadata: memory.metadata,
        place: memory.place,
        sha256: memory.sha256,
        gateway: memory.gateway,
        session_id: memory.session_id,
    }
}

fn header(id: MemoryId, memory: MemoryRecord) -> MemoryHeader {
    let base = memory.metadata.base();
    MemoryHeader {
        id: id.to_string(),
        name: base.name.clone(),
        mime_type: base.mime_type.clone(),
        size: memory.place.size,
        sha256: memory.sha256,
        blob_id: memory.place.blob_id.to_string(),
        uploaded_by: memory.uploaded_by,
        uploaded_at: memory.uploaded_at,
    }
}
