//! A store checks itself while it serves, and goes on after a stop, an upgrade and a trap.

use crate::metrics::sample;
use crate::{CHUNK, begin_and_put, bytes, put, read_back, refused, sha256, turned_away, upload};
use capsule_shared::Error;
use capsule_shared::blob_store::{CheckOptions, CheckStage, CheckStatus, StoreStatus};
use std::time::Duration;
use tools::client::{Called, Client};
use tools::deployment::{Deployment, Part, deploy, person};
use tools::source::UploadSpec;

const HASH: CheckOptions = CheckOptions {
    repair: true,
    contents: true,
};

/// Steps within which a check must end.
const MAX_STEPS: usize = 200;

fn operator(deployment: &Deployment) -> Client<'_> {
    Client::new(
        &deployment.pic,
        deployment.blob_store,
        deployment.controller,
    )
}

fn status(deployment: &Deployment) -> CheckStatus {
    let last = operator(deployment).query::<Option<CheckStatus>>("check_status", ());
    last.unwrap().expect("a check")
}

fn begin(deployment: &Deployment) -> Called<()> {
    operator(deployment).update("check_begin", (HASH,))
}

/// Takes steps until the check is done.
fn wait(deployment: &Deployment) -> CheckStatus {
    for _ in 0..MAX_STEPS {
        deployment.pic.tick();
        let status = status(deployment);
        if status.stage == CheckStage::Done {
            return status;
        }
        // A stop may lose a turn. After a while, whoever asks next gets one.
        deployment.pic.advance_time(Duration::from_secs(31));
        operator(deployment)
            .update::<StoreStatus>("store_status", ())
            .unwrap();
    }
    panic!("the check doesn't end: {:?}", status(deployment));
}

/// Has `change` happen while a check runs, which then finds nothing.
#[track_caller]
fn checked(deployment: &Deployment, what: &str, change: impl FnOnce()) -> CheckStatus {
    begin(deployment).unwrap();
    assert_eq!(sample(deployment, "blob_store_check_running"), 1.0);
    change();
    let ended = wait(deployment);
    assert_eq!((ended.faults, &ended.first_faults), (0, &vec![]), "{what}");
    assert_eq!(sample(deployment, "blob_store_check_running"), 0.0);
    ended
}

#[test]
fn a_check_goes_on_while_the_store_serves_stops_and_is_upgraded() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(12 * CHUNK, 1);
    let film = |name: &str| UploadSpec::document(name, data.len() as u64);
    let kept = upload(&alice, &film("kept"), &data).unwrap().result;
    let gone = upload(&alice, &film("gone"), &data).unwrap().result;
    let open = film("open");
    let session = begin_and_put(&alice, &open, &data, 3);

    checked(&deployment, "a second one begins", || {
        let conflict = refused(begin(&deployment));
        assert!(matches!(conflict, Error::Conflict(_)), "{conflict:?}");
    });
    checked(&deployment, "chunks", || {
        put(&alice, session, &open, &data, 3..12)
    });
    checked(&deployment, "a finish", || {
        let len = data.len() as u64;
        alice.finish(session, &sha256(&data), len).unwrap();
    });
    checked(&deployment, "a deletion", || {
        alice.memories_delete(&gone.memory_id).unwrap();
        alice.memories_purge(&gone.memory_id).unwrap();
    });
    checked(&deployment, "a stop", || {
        deployment.stop(Part::BlobStore);
        deployment.start(Part::BlobStore);
        assert_eq!(sample(&deployment, "blob_store_check_running"), 1.0);
    });
    let ended = checked(&deployment, "an upgrade", || {
        deployment.upgrade(Part::BlobStore);
        assert_eq!(sample(&deployment, "blob_store_check_running"), 1.0);
    });
    let blobs = sample(&deployment, "blob_store_blobs");
    assert_eq!((ended.blobs, blobs), (2, 2.0));
    assert_eq!((ended.hashed_blobs, ended.without_sha256), (2, 0));
    assert_eq!(ended.hashed_bytes, 2 * data.len() as u64);
    assert_eq!(sample(&deployment, "blob_store_check_faults"), 0.0);
    assert!(read_back(&alice, &kept.blob_id) == data);
}

#[test]
fn only_controllers_check_a_store() {
    let deployment = deploy();
    let (pic, store) = (&deployment.pic, deployment.blob_store);
    let last = operator(&deployment).query::<Option<CheckStatus>>("check_status", ());
    assert_eq!(last.unwrap(), None);
    operator(&deployment).update::<()>("check_end", ()).unwrap();
    turned_away(Client::new(pic, store, person("mallory")).update::<()>("check_begin", (HASH,)));
    for who in [deployment.gateway, person("mallory")] {
        let told = Client::new(pic, store, who).query::<Option<CheckStatus>>("check_status", ());
        assert_eq!(refused(told), Error::Unauthorized);
    }
    let gateway = Client::new(pic, store, deployment.gateway);
    turned_away(gateway.update::<()>("check_begin", (HASH,)));
    turned_away(gateway.update::<()>("check_end", ()));
}
