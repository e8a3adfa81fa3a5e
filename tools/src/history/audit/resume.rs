//! Resumes half of the pending uploads, by the calls that any client may repeat.

use crate::client::{CallError, Called, Client};
use crate::history::model::{Composition, bytes, chunk, sha256};
use crate::history::plan::Owner;
use crate::history::run::Run;
use crate::history::verdict::Checked;
use crate::history::world::principal;
use capsule_shared::Error;
use capsule_shared::upload::{UploadState, UploadStatus};

/// Tries of a call that fails temporarily; more than the plan lets fail.
const MAX_TRIES: u32 = 30;

/// Lets the owners finish every second pending upload: after each failure the same calls succeed.
pub fn resume(run: &mut Run) -> Checked {
    run.world
        .client(Owner::Alice)
        .add_controller(&run.capsules[&Owner::Alice], principal(Owner::Carol))
        .map_err(|e| format!("carol can't become a controller again: {e}"))?;
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
        .ok_or("the upload belongs to no file")?;
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
        // The timer of the gateway finishes it.
        return finishes_by_itself(run, owner, id);
    }
    // The bytes that arrived first at an index stay: the right ones, or the altered ones.
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
            return Err(format!("chunk {index} differs from the acknowledged bytes"));
        }
    }
    let whole = bytes(number, file, &composition);
    let finish = insist(run, owner, |client| {
        client.finish(id, &sha256(&whole), whole.len() as u64)
    });
    let result = finish.map_err(|e| format!("finish: {e}"))?;
    // The answer to its begin may have been lost: the session is known from now on.
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
            // The checks that follow judge the result.
            _ => return Ok(()),
        }
    }
    Err("it stays in the state finishing".into())
}

/// Repeats a call while its error is temporary.
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
