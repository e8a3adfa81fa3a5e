//! What must hold when everything is mended: what was acknowledged is there, exactly; nothing else is.

use super::Checked;
use super::model::{Composition, bytes, chunk, sha256};
use super::plan::Owner;
use super::run::Run;
use super::world::principal;
use super::world::stranger;
use crate::client::{CallError, Called, Client};
use crate::deployment::Part;
use crate::metrics::metrics;
use capsule_shared::Error;
use capsule_shared::blob_store::StoredBlob;
use capsule_shared::keys::{BlobId, pmid_session_hash32};
use capsule_shared::memory_index::{CapsuleUsage, Memory, MemoryHeader, MemoryPage};
use capsule_shared::upload::{UploadState, UploadStatus};
use std::collections::BTreeMap;

/// How often something temporary is tried again; more than what is planned to fail.
const MAX_TRIES: u32 = 30;

/// Turns of the timer, some minutes apart, within which the queue must be empty.
const MAX_TURNS: u32 = 40;

pub fn audit(mut run: Run) -> Checked {
    let ends: [fn(&mut Run) -> Checked; 5] = [
        resume,
        expire,
        nothing_is_lost,
        nothing_is_left,
        nobody_stumbled,
    ];
    for end in ends {
        end(&mut run)?;
    }
    Ok(())
}

/// Every second upload that is still pending is carried to its end by its owner: each failure has left a state from
/// which the same calls succeed.
fn resume(run: &mut Run) -> Checked {
    run.world
        .client(Owner::Alice)
        .add_controller(&run.capsules[&Owner::Alice], principal(Owner::Carol))
        .map_err(|e| format!("carol is no controller again: {e}"))?;
    for owner in Owner::ALL {
        for status in listed(run, owner)? {
            if status.session_id % 2 == 0 && status.state != UploadState::Committed {
                resume_one(run, owner, &status)
                    .map_err(|e| format!("resuming session {}: {e}", status.session_id))?;
            }
        }
    }
    Ok(())
}

fn listed(run: &Run, owner: Owner) -> Checked<Vec<UploadStatus>> {
    let list = run.world.client(owner).list();
    list.map_err(|e| format!("{owner:?} can't list uploads: {e}"))
}

fn resume_one(run: &mut Run, owner: Owner, status: &UploadStatus) -> Checked {
    let id = status.session_id;
    let number = run
        .history
        .files
        .iter()
        .enumerate()
        .position(|(number, _)| status.name == format!("file-{number}"))
        .ok_or("an upload of no file")?;
    let file = run.file(number);
    let acknowledged = run.sessions.get(&id).map(|s| s.acknowledged.clone());
    let acknowledged = acknowledged.unwrap_or_default();
    for range in &status.missing_chunks {
        for index in range.first..=range.last {
            if acknowledged.contains_key(&index) {
                return Err(format!("chunk {index} was acknowledged and is missing"));
            }
        }
    }
    if status.state == UploadState::Finishing {
        // It goes on by itself.
        return finishes_by_itself(run, owner, id);
    }
    // The first bytes of an index stay: ours, or the altered ones.
    let mut composition = Composition::new();
    for index in 0..file.chunks {
        let put = |altered| {
            let bytes = chunk(number, file, index, altered);
            move |client: &Client| client.put_chunk(id, index, &bytes)
        };
        match insist(run, owner, put(false)) {
            Ok(()) => composition.push(false),
            Err(CallError::Refused(Error::Conflict(_))) => {
                insist(run, owner, put(true)).map_err(|e| format!("chunk {index}: {e}"))?;
                composition.push(true);
            }
            Err(error) => return Err(format!("chunk {index}: {error}")),
        }
        if acknowledged
            .get(&index)
            .is_some_and(|a| *a != composition[index as usize])
        {
            return Err(format!("chunk {index} has other bytes than acknowledged"));
        }
    }
    let whole = bytes(number, file, &composition);
    let finish = insist(run, owner, |client| {
        client.finish(id, &sha256(&whole), whole.len() as u64)
    });
    let result = finish.map_err(|e| format!("finish: {e}"))?;
    // One whose begin nobody was told of is known from here on.
    let known = run.sessions.entry(id).or_default();
    known.file = number;
    known.finishes.insert(composition.clone());
    known.committed = Some((result, composition));
    Ok(())
}

fn finishes_by_itself(run: &mut Run, owner: Owner, id: u64) -> Checked {
    for _ in 0..MAX_TRIES {
        let status = run.world.client(owner).status(id);
        match status {
            Ok(status) if status.state == UploadState::Finishing => run.world.pass(120),
            // What becomes of it, the rest of the audit sees.
            _ => return Ok(()),
        }
    }
    Err("it is finishing for ever".into())
}

/// Tries the same call again while the error is temporary.
fn insist<T>(run: &mut Run, owner: Owner, call: impl Fn(&Client) -> Called<T>) -> Called<T> {
    let mut tries = 0;
    loop {
        let answer = call(&run.world.client(owner));
        tries += 1;
        match answer {
            Err(CallError::Refused(error)) if error.is_temporary() && tries < MAX_TRIES => {
                run.world.pass(30);
            }
            answer => return answer,
        }
    }
}

/// A day later every upload is committed or gone, and the queue has run empty.
fn expire(run: &mut Run) -> Checked {
    run.world.pass(24 * 3_600 + 60);
    for _ in 0..MAX_TURNS {
        run.world.round();
        run.world.round();
        let now = metrics(&run.world.deployment, Part::Gateway)?;
        let of = |name: &str| now.get(&format!("upload_gateway_{name}")).copied();
        let forgotten = of("jobs{kind=\"forget_deletion\"}");
        let queued: f64 = now
            .iter()
            .filter(|(name, _)| name.starts_with("upload_gateway_jobs{"))
            .map(|(_, value)| value)
            .sum();
        let open = of("uploads_open").zip(of("open_calls"));
        if Some(queued) == forgotten && open == Some((0.0, 0.0)) {
            return Ok(());
        }
        run.world.pass(400);
    }
    let jobs = metrics(&run.world.deployment, Part::Gateway)?;
    Err(format!("the queue doesn't end: {jobs:#?}"))
}

/// All memories of both capsules.
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
        let usage = usage.map_err(|e| format!("what {owner:?} has: {e}"))?;
        let sum = page.memories.iter().map(|memory| memory.size).sum::<u64>();
        if (usage.memory_count, usage.stored_bytes) != (page.memories.len() as u64, sum) {
            return Err(format!("{owner:?} has {page:?}, counted as {usage:?}"));
        }
        all.extend(page.memories);
    }
    Ok(all)
}

/// What was acknowledged reads back as it was sent, for its owners and nobody else.
fn nothing_is_lost(run: &mut Run) -> Checked {
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
                "session {id}: its memory is there, its deletion was Ok"
            ));
        }
        if !session.delete_sent && !is_there {
            return Err(format!(
                "session {id}: its memory is lost, its finish was Ok"
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
        .ok_or("it was uploaded by nobody")?;
    let memory: Called<Memory> = index.query("memory_read", (principal(owner), &header.id));
    let memory = memory.map_err(|e| format!("it can't be read: {e}"))?;
    let session = run.sessions.get(&memory.session_id);
    let session = session.ok_or("nobody was told of its session")?;
    let file = run.file(session.file);
    // Of what its owner asked to be finished, it is what has its hash.
    let asked = session
        .finishes
        .iter()
        .map(|composition| bytes(session.file, file, composition))
        .find(|whole| sha256(whole)[..] == header.sha256[..]);
    let whole = asked.ok_or("nobody asked for what it is")?;
    let blob = &header.blob_id;
    let client = run.world.client(owner);
    let read = client
        .blob_read(blob)
        .map_err(|e| format!("its bytes: {e}"))?;
    if read[..] != whole[..] || header.size != whole.len() as u64 {
        return Err(format!("{read:?} was read, expected {whole:?}"));
    }
    let mallory = run.world.deployment.client(stranger());
    for told in [mallory.blob_read(blob).err(), mallory.blob_meta(blob).err()] {
        if told != Some(CallError::Refused(Error::Unauthorized)) {
            return Err(format!("a stranger was told {told:?}"));
        }
    }
    Ok(())
}

/// The store has the blobs of the memories and no others, by its counters and by a look at every key that may be taken.
fn nothing_is_left(run: &mut Run) -> Checked {
    let memories = memories(run)?;
    let store = run.world.auditor(Part::BlobStore);
    let mut found = Vec::new();
    let last = run.sessions.keys().last().copied().unwrap_or(0) + 4;
    for (number, file) in run.history.files.iter().enumerate() {
        let stem = format!("{}#file-{number}", run.capsules[&file.owner]);
        for session in 1..=last {
            let key = pmid_session_hash32(&stem, session);
            let meta: Called<StoredBlob> = store.query("blob_meta", (key,));
            match meta {
                Ok(blob) => found.push((key.blob_id(), blob)),
                Err(CallError::Refused(Error::NotFound)) => {}
                Err(error) => return Err(format!("a look into the store: {error}")),
            }
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
            return Err(format!("{id} was left in the store: {blob:?}"));
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
        return Err(format!("the store counts {counted:?}, there are {found:?}"));
    }
    let controller = run.world.deployment.client(run.world.deployment.controller);
    let list = controller.sessions_list().map_err(|e| e.to_string())?;
    let stats = controller.sessions_stats().map_err(|e| e.to_string())?;
    let lines = list.lines().count();
    if !stats.starts_with(&format!("Total sessions: {lines}, Pending: 0,")) {
        return Err(format!("{stats:?}, but these are listed: {list}"));
    }
    Ok(())
}

/// No canister has trapped, in a callback or a timer either: their logs would tell.
fn nobody_stumbled(run: &mut Run) -> Checked {
    for part in Part::ALL {
        let controller = run.world.deployment.controller;
        let logs = run
            .world
            .pic()
            .fetch_canister_logs(run.world.deployment.id(part), controller)
            .map_err(|e| format!("the log of {}: {e}", part.name()))?;
        for record in logs {
            let line = String::from_utf8_lossy(&record.content);
            // An upgrade that is refused traps on purpose.
            let refused = line.contains("calls to other canisters are open");
            if (line.contains("TRAP") || line.contains("BUG")) && !refused {
                return Err(format!("{} has printed {line}", part.name()));
            }
        }
    }
    Ok(())
}
