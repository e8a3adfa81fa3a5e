//! Waits for events. No test here depends on the speed of the machine.
//!
//! The bounds only turn a hang into a failure, so they are far above the needs of a busy machine.

use std::time::{Duration, Instant};
use tools::deployment::{Deployment, Part};
use tools::http::HANG;
use tools::metrics::metrics;

/// The pause between two looks in real time.
const PAUSE: Duration = Duration::from_millis(20);

/// Turns of the network's own time after which a wait counts as a hang.
const MAX_TURNS: u32 = 2_000;

/// Waits in real time until `look` finds a value.
#[track_caller]
pub fn eventually<T>(event: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < HANG, "no sign of: {event}");
        std::thread::sleep(PAUSE);
    }
}

/// Lets the network's own time pass until `look` finds a value.
#[track_caller]
pub fn in_network_time<T>(
    deployment: &Deployment,
    event: &str,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    for _ in 0..MAX_TURNS {
        if let Some(found) = look() {
            return found;
        }
        deployment.pic.advance_time(Duration::from_secs(1));
        deployment.pic.tick();
    }
    panic!("no sign of: {event}");
}

/// Lets the network's own time pass until the gateway has run all jobs of a kind.
#[track_caller]
pub fn jobs_done(deployment: &Deployment, kind: &str) {
    let name = format!("upload_gateway_jobs{{kind=\"{kind}\"}}");
    in_network_time(deployment, &format!("no {kind} jobs"), || {
        let samples = metrics(deployment, Part::Gateway).unwrap();
        (samples[&name] == 0.0).then_some(())
    });
}
