//! Upgrades with a million jobs in the queue.

use super::fill::add_jobs;
use super::{MOST, check_upgrade, clear, costs, upgrade};
use crate::metrics::sample;
use crate::waiting::in_network_time;
use crate::{begin_and_put, bytes, upload};
use capsule_shared::gateway::GatewayArgs;
use tools::deployment::{Created, Deployment, Part, deploy, person, release_0_1_0};
use tools::engine::network;
use tools::metrics::metrics;
use tools::source::UploadSpec;

const JOBS: u64 = 1_000_000;

/// The jobs that are added come due long after the test.
const LATER_NS: u64 = 20 * 24 * 3_600 * 1_000_000_000;

fn queued(deployment: &Deployment) -> u64 {
    sample(deployment, "upload_gateway_jobs_queued") as u64
}

/// A gateway of release 0.1.0 with one job, which stays because the store is stopped.
fn with_one_job() -> Deployment {
    let created = Created::on(network()).with_modules(release_0_1_0);
    let deployment = created.install(GatewayArgs::default());
    let alice = deployment.client(person("alice"));
    let spec = UploadSpec::document("aborted", 1);
    let session = begin_and_put(&alice, &spec, &bytes(1, 1), 1);
    deployment.stop(Part::BlobStore);
    alice.abort(session).unwrap();
    deployment
}

/// Release 0.1.0 counted no jobs. The present one counts them after the upgrade, in slices; then
/// the counts are stored, and the next upgrade reads as much as that of an empty queue.
#[test]
fn a_million_jobs_hold_up_no_upgrade() {
    let empty = deploy();
    let of_empty = upgrade(&empty);
    let of_one = upgrade(&with_one_job());
    drop(empty);

    let deployment = with_one_job();
    deployment.stop(Part::Gateway);
    let now = deployment.pic.get_time().as_nanos_since_unix_epoch();
    add_jobs(&deployment, JOBS, now + LATER_NS);
    let spent = upgrade(&deployment);
    check_upgrade("a million jobs of release 0.1.0", spent, of_one, MOST);

    let all = JOBS + 1;
    clear(&deployment);
    let turns = in_network_time(&deployment, "all jobs are counted", || {
        let samples = metrics(&deployment, Part::Gateway).unwrap();
        let counted = samples.get("upload_gateway_jobs{kind=\"delete_blob\"}")?;
        assert_eq!(*counted as u64, all);
        Some(costs(&deployment).executions)
    });
    let largest = costs(&deployment).largest_execution;
    println!("counted in {turns} messages, the largest has {largest} instructions");
    assert!(
        largest <= MOST,
        "{largest} instructions, expected at most {MOST}"
    );
    assert_eq!(queued(&deployment), all);

    let spent = upgrade(&deployment);
    check_upgrade("a million counted jobs", spent, of_empty, MOST / 100);
    assert_eq!(queued(&deployment), all);
    // The gateway works on, and so does its queue.
    deployment.start(Part::BlobStore);
    let alice = deployment.client(person("alice"));
    upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();
    in_network_time(&deployment, "the first job is done", || {
        (queued(&deployment) == JOBS).then_some(())
    });
}
