//! Capsule controllers: their rights, and the end of these rights.

use crate::metrics::sample;
use crate::waiting::jobs_done;
use crate::{begin_and_put, bytes, capsule, put, read_back, refused, sha256};
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::capsule::PersonRef;
use tools::deployment::{deploy, person};
use tools::source::UploadSpec;

#[test]
fn a_controller_uploads_and_reads_until_the_owner_takes_the_right_back() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let bob = deployment.client(person("bob"));
    let mallory = deployment.client(person("mallory"));
    let alices = capsule(&alice);
    let spec = |name: &str| UploadSpec::document(name, 700).in_chunks_of(300, 700);
    let data = bytes(700, 1);
    assert_eq!(
        refused(bob.begin(&alices, &spec("one"))),
        Error::Unauthorized
    );
    assert_eq!(
        refused(mallory.add_controller(&alices, person("mallory"))),
        Error::Unauthorized
    );
    let made = alice.add_controller(&alices, person("bob")).unwrap();
    assert_eq!(made.controllers[0].0, PersonRef::Principal(person("bob")));
    assert_eq!(alice.add_controller(&alices, person("bob")), Ok(made));
    assert!(
        bob.capsules_read_basic(Some(&alices))
            .unwrap()
            .is_controller
    );
    assert_eq!(bob.capsules_list().unwrap()[0].id, alices);
    // These principals are no persons.
    for nobody in [Principal::anonymous(), Principal::management_canister()] {
        let error = refused(alice.add_controller(&alices, nobody));
        assert!(matches!(error, Error::InvalidArgument(_)), "{error}");
    }
    assert_eq!(
        refused(bob.add_controller(&alices, person("mallory"))),
        Error::Unauthorized
    );

    let done = bob
        .upload(&alices, &spec("one"), &data[..], |_| ())
        .unwrap();
    assert!(read_back(&alice, &done.result.blob_id) == data);
    assert!(read_back(&bob, &done.result.blob_id) == data);

    // Bob loses his right in the middle of an upload: the upload ends and its bytes go.
    let open = bob.begin(&alices, &spec("two")).unwrap();
    put(&bob, open, &spec("two"), &data, 0..3);
    let left = alice.remove_controller(&alices, person("bob")).unwrap();
    assert!(left.controllers.is_empty());
    assert_eq!(alice.remove_controller(&alices, person("bob")), Ok(left));
    assert_eq!(
        refused(bob.finish(open, &sha256(&data), 700)),
        Error::NotFound
    );
    assert_eq!(refused(bob.status(open)), Error::NotFound);
    assert_eq!(
        refused(bob.blob_meta(&done.result.blob_id)),
        Error::NotFound
    );
    assert_eq!(
        refused(bob.memories_delete(&done.result.memory_id)),
        Error::NotFound
    );
    assert!(read_back(&alice, &done.result.blob_id) == data);
    jobs_done(&deployment, "delete_blob");
    assert_eq!(sample(&deployment, "blob_store_blobs"), 1.0);

    // A removed controller may return, and a controller may leave.
    alice.add_controller(&alices, person("bob")).unwrap();
    bob.remove_controller(&alices, person("bob")).unwrap();
    assert_eq!(
        refused(bob.begin(&alices, &spec("three"))),
        Error::Unauthorized
    );
    begin_and_put(&alice, &spec("four"), &data, 1);
}
