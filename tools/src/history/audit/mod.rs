//! Checks at the end of a history: the stored data is exactly what was acknowledged.

mod resume;
mod storage;

use super::run::Run;
use super::verdict::Checked;
use crate::deployment::Part;
use crate::metrics::metrics;

/// Turns of the timer, some minutes apart, within which the queue must become empty.
const MAX_TURNS: u32 = 40;

pub fn audit(mut run: Run) -> Checked {
    let checks: [fn(&mut Run) -> Checked; 5] = [
        resume::resume,
        expire,
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
        let controller = run.world.deployment.controller;
        let logs = run
            .world
            .pic()
            .fetch_canister_logs(run.world.deployment.id(part), controller)
            .map_err(|e| format!("the log of {}: {e}", part.name()))?;
        for record in logs {
            let line = String::from_utf8_lossy(&record.content);
            // A refused upgrade traps on purpose.
            let refused = line.contains("calls to other canisters are open");
            if (line.contains("TRAP") || line.contains("BUG")) && !refused {
                return Err(format!("{} printed {line}", part.name()));
            }
        }
    }
    Ok(())
}
