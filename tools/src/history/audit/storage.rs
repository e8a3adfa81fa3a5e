//! Compares the store and the index with the answers that clients got.

use crate::client::{CallError, Called, Client};
use crate::deployment::Part;
use crate::history::model::{bytes, sha256};
use crate::history::plan::Owner;
use crate::history::run::Run;
use crate::history::verdict::Checked;
use crate::history::world::{principal, stranger};
use crate::metrics::metrics;
use capsule_shared::BlobKey;
use capsule_shared::Error;
use capsule_shared::blob_store::StoredBlob;
use capsule_shared::keys::{BlobId, pmid_session_hash32};
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::memory_index::{CapsuleUsage, Memory, MemoryHeader, MemoryPage};
use std::collections::BTreeMap;

/// The length of a block of the store.
const BLOCK_BYTES: u64 = 4_096;

/// Lists all memories of both capsules, and compares them with the counters.
fn memories(run: &Run) -> Checked<Vec<MemoryHeader>> {
    let index = run.world.auditor(Part::MemoryIndex);
    let mut all = Vec::new();
    for owner in [Owner::Alice, Owner::Bob] {
        let capsule = &run.capsules[&owner];
        let who = principal(owner);
        let page: Called<MemoryPage> =
            index.query("memory_list", (who, capsule, None::<String>, None::<u32>));
        let page = page.map_err(|e| format!("the memories of {owner:?}: {e}"))?;
        let usage: Called<CapsuleUsage> = index.query("capsule_usage", (who, capsule));
        let usage = usage.map_err(|e| format!("the usage of {owner:?}: {e}"))?;
        let sum = page.memories.iter().map(|memory| memory.size).sum::<u64>();
        if (usage.memory_count, usage.stored_bytes) != (page.memories.len() as u64, sum) {
            return Err(format!(
                "the usage of {owner:?} is {usage:?}, expected that of {page:?}"
            ));
        }
        all.extend(page.memories);
    }
    Ok(all)
}

/// Every acknowledged memory reads back as sent, for its owner and for nobody else.
pub fn nothing_is_lost(run: &mut Run) -> Checked {
    let there: BTreeMap<String, MemoryHeader> = memories(run)?
        .into_iter()
        .map(|memory| (memory.id.clone(), memory))
        .collect();
    for (id, session) in &run.sessions {
        let Some((result, _)) = &session.committed else {
            continue;
        };
        let is_there = there.contains_key(&result.memory_id);
        if session.deleted && is_there {
            return Err(format!(
                "session {id}: the deletion was Ok, but the memory exists"
            ));
        }
        if !session.delete_sent && !is_there {
            return Err(format!(
                "session {id}: the finish was Ok, but the memory is lost"
            ));
        }
    }
    for memory in there.values() {
        reads_back(run, memory).map_err(|e| format!("{}: {e}", memory.id))?;
    }
    Ok(())
}

fn reads_back(run: &Run, header: &MemoryHeader) -> Checked {
    let index = run.world.auditor(Part::MemoryIndex);
    let owner = Owner::ALL
        .into_iter()
        .find(|owner| principal(*owner) == header.uploaded_by)
        .ok_or("its uploader is unknown")?;
    let memory: Called<Memory> = index.query("memory_read", (principal(owner), &header.id));
    let memory = memory.map_err(|e| format!("it is not readable: {e}"))?;
    let session = run.sessions.get(&memory.session_id);
    let session = session.ok_or("no client knows its session")?;
    let file = run.file(session.file);
    // The hash tells which of the finishes it comes from.
    let asked = session
        .finishes
        .iter()
        .map(|composition| bytes(session.file, file, composition))
        .find(|whole| sha256(whole)[..] == header.sha256[..]);
    let whole = asked.ok_or("no finish asked for its hash")?;
    let blob = &header.blob_id;
    let client = run.world.client(owner);
    let read = whole_blob(&client, blob, header.size);
    let read = read.map_err(|e| format!("its bytes: {e}"))?;
    if read[..] != whole[..] || header.size != whole.len() as u64 {
        return Err(differs(&read, &whole));
    }
    // The canister in between names the gateway where the index names that canister.
    let expected = Memory {
        gateway: run.world.deployment.gateway,
        ..memory.clone()
    };
    let certified = |client: &Client| client.memories_read_certified(&header.id);
    let told = certified(&client);
    if told.as_ref() != Ok(&expected) {
        return Err(format!("{told:?} was read, expected {expected:?}"));
    }
    let mallory = run.world.deployment.client(stranger());
    for told in [
        mallory.blob_read(blob).err(),
        mallory.blob_meta(blob).err(),
        certified(&mallory).err(),
    ] {
        if told != Some(CallError::Refused(Error::NotFound)) {
            return Err(format!("a stranger got {told:?}"));
        }
    }
    Ok(())
}

/// Reads a blob at once, or chunk by chunk if it is too long for that.
fn whole_blob(client: &Client, blob: &str, size: u64) -> Called<Vec<u8>> {
    if size <= MAX_CHUNK_BYTES as u64 {
        return Ok(client.blob_read(blob)?.into_vec());
    }
    let mut whole = Vec::new();
    client.download(blob, |chunk| whole.extend_from_slice(chunk))?;
    Ok(whole)
}

/// Says where the bytes that were read differ from those that were sent.
fn differs(read: &[u8], sent: &[u8]) -> String {
    let same = read.iter().zip(sent).take_while(|(a, b)| a == b).count();
    format!(
        "{} bytes were read, which differ from byte {same} on, expected {} bytes as sent",
        read.len(),
        sent.len()
    )
}

/// The store has exactly the blobs of the memories, by its counters and by every possible key.
pub fn nothing_is_left(run: &mut Run) -> Checked {
    let memories = memories(run)?;
    let store = run.world.auditor(Part::BlobStore);
    let mut found = Vec::new();
    for key in possible_keys(run) {
        let meta: Called<StoredBlob> = store.query("blob_meta", (key,));
        match meta {
            Ok(blob) => found.push((key.blob_id(), blob)),
            Err(CallError::Refused(Error::NotFound)) => {}
            Err(error) => return Err(format!("blob_meta of the store: {error}")),
        }
    }
    let totals = metrics(&run.world.deployment, Part::BlobStore)?;
    let total = |name: &str| totals[&format!("blob_store_{name}")];
    let (mut bytes, mut chunks) = (0, 0);
    for (id, blob) in &found {
        bytes += blob.bytes;
        chunks += blob.chunk_count;
        let is_of = |memory: &&MemoryHeader| BlobId::from_locator(&memory.blob_id) == Some(*id);
        let memory = memories.iter().find(is_of);
        if !blob.sealed || memory.is_none_or(|memory| memory.size != blob.bytes) {
            return Err(format!("{id} is left over in the store: {blob:?}"));
        }
    }
    if found.len() != memories.len() {
        return Err(format!(
            "{} blobs for {} memories",
            found.len(),
            memories.len()
        ));
    }
    let counted = (total("blobs"), total("chunks"), total("bytes"));
    if counted != (found.len() as f64, f64::from(chunks), bytes as f64) {
        return Err(format!("the store counts {counted:?}, expected {found:?}"));
    }
    // A last chunk that came first has a place of its own, so it may take one block more.
    let blocks = |(_, blob): &(BlobId, StoredBlob)| blob.bytes.div_ceil(BLOCK_BYTES);
    let least = found.iter().map(blocks).sum::<u64>() * BLOCK_BYTES;
    let most = least + found.len() as u64 * BLOCK_BYTES;
    let (allocated, promised) = (total("allocated_bytes"), total("promised_bytes"));
    if allocated < least as f64 || allocated > most as f64 || promised != 0.0 {
        return Err(format!(
            "the store has {allocated} bytes of blocks and promises {promised}, \
             expected {least} to {most} and 0 for {found:?}"
        ));
    }
    let controller = run.world.deployment.client(run.world.deployment.controller);
    let list = controller.sessions_list().map_err(|e| e.to_string())?;
    let stats = controller.sessions_stats().map_err(|e| e.to_string())?;
    let lines = list.lines().count();
    if !stats.starts_with(&format!("Total sessions: {lines}, Pending: 0,")) {
        return Err(format!(
            "sessions_stats is {stats:?}, but sessions_list has: {list}"
        ));
    }
    Ok(())
}

/// The key of every blob that a session of this history may have opened.
pub fn possible_keys(run: &Run) -> Vec<BlobKey> {
    let last = run.sessions.keys().last().copied().unwrap_or(0) + 4;
    let files = run.history.files.iter().enumerate();
    let stems = files.map(|(number, file)| format!("{}#file-{number}", run.capsules[&file.owner]));
    stems
        .flat_map(|stem| (1..=last).map(move |session| pmid_session_hash32(&stem, session)))
        .collect()
}
