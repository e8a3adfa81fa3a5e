//! Checks at the end of a history: the stored data is exactly what was acknowledged.

mod finding;
mod resume;
mod storage;
mod trash;

use super::run::Run;
use super::upgrades::{REFUSED, is_fenced, is_old_gateway, is_wrong_module};
use super::verdict::Checked;
use crate::deployment::Part;
use crate::metrics::metrics;

/// Turns of the timer, some minutes apart, within which the queue must become empty.
const MAX_TURNS: u32 = 40;

pub fn audit(mut run: Run) -> Checked {
    let checks: [fn(&mut Run) -> Checked; 10] = [
        |run| run.memories_are_entered(),
        trash::trash_can_be_restored,
        resume::resume,
        finding::files_are_found,
        expire,
        finding::files_are_found,
        |run| run.everything_is_copied(),
        storage::nothing_is_lost,
        storage::nothing_is_left,
        nothing_trapped,
    ];
    for check in checks {
        check(&mut run)?;
    }
    Ok(())
}

/// Lets a day pass. Then every upload is committed or gone, and the queue is empty.
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
    Err(format!("the queue is not empty: {jobs:#?}"))
}

/// No canister trapped, not even in a callback or a timer: their logs contain every trap.
fn nothing_trapped(run: &mut Run) -> Checked {
    for part in Part::ALL {
        let froze = run.world.froze(part);
        let mistaken = run.world.was_mistaken(part);
        let controller = run.world.deployment.controller;
        let logs = run
            .world
            .pic()
            .fetch_canister_logs(run.world.deployment.id(part), controller)
            .map_err(|e| format!("the log of {}: {e}", part.name()))?;
        for record in logs {
            let line = String::from_utf8_lossy(&record.content);
            let slip = (mistaken && is_of_wrong_module(&line, part))
                || (run.world.had_old(part) && is_of_old_module(&line, part));
            if is_fault(&line, froze) && !slip {
                return Err(format!("{} printed {line}", part.name()));
            }
        }
    }
    Ok(())
}

/// Whether a log line tells of a trap that the canister is to blame for. `froze` says whether the
/// history froze this canister.
fn is_fault(line: &str, froze: bool) -> bool {
    // A refused upgrade traps on purpose.
    let refused = line.contains(REFUSED);
    // The platform gives a frozen canister no memory, not even for the callback of a call that it
    // made before. The trap undoes the callback; the other rules judge what is left.
    let unpaid = froze
        && line.contains("Canister cannot grow memory by")
        && line.contains("due to insufficient cycles");
    (line.contains("TRAP") || line.contains("BUG")) && !refused && !unpaid
}

/// Whether a log line is the refusal of a wrong module on this canister.
fn is_of_wrong_module(line: &str, on: Part) -> bool {
    let mut modules = Part::ALL.into_iter().filter(|module| *module != on);
    modules.any(|module| is_wrong_module(line, on, module))
}

/// Whether a log line is a trap of the module of release 0.1.0 over what a later release wrote.
fn is_of_old_module(line: &str, on: Part) -> bool {
    match on {
        Part::Gateway => is_old_gateway(line),
        Part::BlobStore => is_fenced(line),
        Part::MemoryIndex => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNPAID: &str = "[TRAP]: Canister cannot grow memory by 65536 bytes due to insufficient \
                          cycles. At least 5 additional cycles are required.";

    #[test]
    fn only_traps_that_the_canister_is_to_blame_for_are_faults() {
        for froze in [false, true] {
            assert!(is_fault(
                "[TRAP]: Panicked at 'BUG: a record is missing'",
                froze
            ));
            assert!(is_fault("[TRAP]: heap out of bounds", froze));
            let full = "[TRAP]: Canister cannot grow memory by 65536 bytes";
            assert!(is_fault(full, froze));
            assert!(!is_fault("FINISH_START sid=1", froze));
            let refused = "[TRAP]: the upgrade is refused: 1 calls to other canisters are open";
            assert!(!is_fault(refused, froze));
        }
    }

    #[test]
    fn only_a_canister_that_was_frozen_may_lack_the_cycles_for_memory() {
        assert!(!is_fault(UNPAID, true));
        assert!(is_fault(UNPAID, false));
    }

    #[test]
    fn only_the_refusal_of_another_module_is_a_mistake_of_the_operator() {
        let line = "[TRAP]: the stable memory is of blob_store (schema 1), expected \
                    upload_gateway, which this module is; nothing was changed";
        assert!(is_fault(line, false));
        assert!(is_of_wrong_module(line, Part::BlobStore));
        assert!(!is_of_wrong_module(line, Part::MemoryIndex));
        assert!(!is_of_wrong_module(
            "[TRAP]: heap out of bounds",
            Part::BlobStore
        ));
    }
}
