//! The job queue on the real canisters: how fast it is worked off, and when it is empty.

use crate::metrics::sample;
use crate::{begin_and_put, bytes, upload};
use std::time::Duration;
use tools::deployment::{Part, deploy, person};
use tools::source::UploadSpec;

/// Jobs that fail are due again 305 s after their start.
const RETRY: Duration = Duration::from_secs(310);

#[test]
fn hundreds_of_due_jobs_take_a_few_rounds() {
    let deployment = deploy();
    let data = bytes(1, 1);
    let mut sessions = Vec::new();
    for name in ["alice", "bob", "carol"] {
        for n in 0..100 {
            let client = deployment.client(person(name));
            let spec = UploadSpec::document(&format!("{name} {n}"), 1);
            sessions.push((name, begin_and_put(&client, &spec, &data, 1)));
        }
    }
    deployment.stop(Part::BlobStore);
    for (name, session) in sessions {
        deployment.client(person(name)).abort(session).unwrap();
    }
    let queued = || sample(&deployment, "upload_gateway_jobs{kind=\"delete_blob\"}");
    assert_eq!(queued(), 300.0);
    deployment.start(Part::BlobStore);
    deployment.pic.advance_time(RETRY);
    for _ in 0..4 {
        deployment.pic.advance_time(Duration::from_secs(1));
        deployment.pic.tick();
    }
    assert_eq!(queued(), 0.0);
    assert_eq!(sample(&deployment, "blob_store_blobs"), 0.0);
}

#[test]
fn a_finished_upload_leaves_no_job() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    upload(&client, &UploadSpec::document("file", 3), b"abc").unwrap();
    assert_eq!(sample(&deployment, "upload_gateway_jobs_queued"), 0.0);
}
