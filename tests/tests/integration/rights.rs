//! Rights through the real canisters: what strangers can't learn, give or use up.

use crate::{capsule, invalid, refused, upload};
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::capsule::PersonRef;
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs};
use tools::client::{CallError, Called, Client};
use tools::deployment::{Deployment, Part, deploy, person};
use tools::source::UploadSpec;

fn operator(deployment: &Deployment, part: Part) -> Client<'_> {
    Client::new(&deployment.pic, deployment.id(part), deployment.controller)
}

/// The answers about one memory and one blob.
fn answers(client: &Client, memory: &str, blob: &str) -> Vec<Error> {
    vec![
        refused(client.blob_meta(blob)),
        refused(client.blob_read(blob)),
        refused(client.blob_read_chunk(blob, 0)),
        refused(client.memories_read(memory)),
    ]
}

#[test]
fn nobody_learns_which_blobs_exist_without_the_right_to_read_them() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let done = upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();
    for who in [person("mallory"), Principal::anonymous()] {
        let client = deployment.client(who);
        for (memory, blob) in [
            (done.result.memory_id.as_str(), done.result.blob_id.as_str()),
            ("mem_9", "blob_9"),
        ] {
            let told = answers(&client, memory, blob);
            assert!(
                told.iter().all(|error| *error == Error::NotFound),
                "{told:?}"
            );
        }
    }
}

#[test]
fn owners_learn_that_the_gateway_is_not_registered() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let done = upload(&alice, &UploadSpec::document("file", 3), b"abc").unwrap();
    let index = operator(&deployment, Part::MemoryIndex);
    let gateway = (deployment.gateway,);
    index.update::<()>("gateways_unregister", gateway).unwrap();
    // With no gateway left, the index would take one from its environment; it names none.
    let (memory, blob) = (&done.result.memory_id, &done.result.blob_id);
    let mut told = answers(&alice, memory, blob);
    told.push(refused(alice.memories_read_certified(memory)));
    told.push(refused(alice.memories_find(&own, &[7; 32])));
    told.push(refused(alice.memories_list(&own, None, None)));
    told.push(refused(alice.capsules_read_basic(Some(&own))));
    told.push(refused(alice.memories_delete(memory)));
    assert!(told.iter().all(Error::is_temporary), "{told:?}");
    index.update::<()>("gateways_register", gateway).unwrap();
    alice.blob_read(blob).unwrap();
}

#[test]
fn no_canister_of_the_system_gets_rights() {
    let deployment = deploy();
    let mallory = deployment.client(person("mallory"));
    let own = capsule(&mallory);
    for part in Part::ALL {
        let id = deployment.id(part);
        let text = invalid(mallory.add_controller(&own, id));
        assert!(text.contains("expected a person"), "{text}");
        let subject = Some(PersonRef::Principal(id));
        invalid(mallory.capsules_create(subject));
    }
    // The index refuses them, too, whatever another gateway says.
    let index = operator(&deployment, Part::MemoryIndex);
    let (gateway, who) = (deployment.gateway, person("mallory"));
    let made: Called<candid::Reserved> = index.update("capsule_create", (gateway, None::<()>));
    invalid(made);
    let args = (who, &own, deployment.memory_index);
    let added: Called<candid::Reserved> = index.update("capsule_add_controller", args);
    invalid(added);
}

#[test]
fn own_capsules_come_first_and_a_controller_leaves_with_one_call() {
    let deployment = deploy();
    let bob = deployment.client(person("bob"));
    let mut junk = Vec::new();
    for n in 0..3 {
        let name = format!("stranger {n}");
        let stranger = deployment.client(person(&name));
        let id = capsule(&stranger);
        stranger.add_controller(&id, person("bob")).unwrap();
        junk.push(id);
    }
    let own = capsule(&bob);
    let ids = || -> Vec<String> {
        let list = bob.capsules_list().unwrap();
        list.into_iter().map(|capsule| capsule.id).collect()
    };
    let expected = [&own, &junk[2], &junk[1], &junk[0]].map(String::clone);
    assert_eq!(ids(), expected);
    for _ in 0..2 {
        bob.capsules_leave(&junk[1]).unwrap();
    }
    assert_eq!(ids(), [&own, &junk[2], &junk[0]].map(String::clone));
    invalid(bob.capsules_leave(&own));
    assert_eq!(refused(bob.capsules_leave("capsule-99")), Error::NotFound);
}

#[test]
fn one_principal_makes_ten_capsules_unless_the_operator_lists_it() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let create = |n: usize| {
        let made = alice.capsules_create(Some(PersonRef::Opaque(format!("subject {n}"))));
        made.map(|capsule| capsule.id)
    };
    let first = create(0).unwrap();
    for n in 1..10 {
        create(n).unwrap();
    }
    assert_eq!(refused(create(10)), Error::ResourceExhausted);
    assert_eq!(create(0), Ok(first));
    let listed = GatewayArgs {
        capsule_creators: Some(CapsuleCreators::Listed(vec![person("alice")])),
        ..GatewayArgs::default()
    };
    let gateway = operator(&deployment, Part::Gateway);
    gateway.update::<()>("configure", (listed,)).unwrap();
    create(10).unwrap();
    let bob = deployment.client(person("bob"));
    let refused: Result<_, CallError> = bob.capsules_create(None);
    assert_eq!(refused, Err(CallError::Refused(Error::Unauthorized)));
}
