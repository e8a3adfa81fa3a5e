//! A canister that runs low on cycles refuses new work, completes old work, and loses nothing.

use crate::metrics::sample;
use crate::waiting::jobs_done;
use crate::{begin_and_put, bytes, capsule, read_back, refused, sha256, upload};
use capsule_shared::Error;
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::CanisterSettings;
use tools::client::Called;
use tools::deployment::{Created, Deployment, Part, person, without_trash};
use tools::engine::network;
use tools::source::UploadSpec;

const T: u128 = 1_000_000_000_000;

/// Sets the freezing threshold so many cycles below the balance, roughly.
fn leave(deployment: &Deployment, part: Part, liquid: u128) {
    let id = deployment.id(part);
    let controller = Some(deployment.controller);
    let status = deployment.pic.canister_status(id, controller).unwrap();
    let per_day: u128 = status.idle_cycles_burned_per_day.0.try_into().unwrap();
    let frozen = deployment.cycles(part) - liquid;
    let settings = CanisterSettings {
        freezing_threshold: Some((frozen * 86_400 / per_day).into()),
        ..CanisterSettings::default()
    };
    let pic = &deployment.pic;
    pic.update_canister_settings(id, controller, settings)
        .unwrap();
    let told = sample(deployment, &format!("{}_liquid_cycles", part.name()));
    assert!((told / liquid as f64 - 1.0).abs() < 0.1, "{told}");
}

/// The refusal names the cycles that the canister has and those that it needs.
#[track_caller]
fn waits_for_cycles<X: std::fmt::Debug>(called: Called<X>, who: &str) {
    let error = refused(called);
    assert!(error.is_temporary(), "{error}");
    let text = error.to_string();
    let named = text.contains(&format!("{who} can spend")) && text.contains("expected at least");
    assert!(named, "{text}");
}

#[test]
fn a_canister_low_on_cycles_completes_old_work() {
    let (part, who) = (Part::Gateway, "the gateway");
    for (part, who, liquid) in [
        (part, who, T / 2),
        (Part::BlobStore, "the blob store", T / 8),
    ] {
        let created = Created::with_cycles(network(), 4 * T);
        let deployment = created.install(without_trash());
        let alice = deployment.client(person("alice"));
        let data = bytes(700, 1);
        let spec = |name: &str| UploadSpec::document(name, 700).in_chunks_of(300, 700);
        let done = upload(&alice, &spec("done"), &data).unwrap();
        let full = begin_and_put(&alice, &spec("full"), &data, 3);
        let part_of = begin_and_put(&alice, &spec("part"), &data, 1);
        let own = capsule(&alice);

        leave(&deployment, part, liquid);
        waits_for_cycles(alice.begin(&own, &spec("new")), who);
        waits_for_cycles(alice.put_chunk(part_of, 1, &data[300..600]), who);
        if part == Part::Gateway {
            let bob = deployment.client(person("bob"));
            waits_for_cycles(bob.capsules_create(None), who);
        }
        // Finish, read, delete and abort still work, and so does the clean-up after them.
        let result = alice.finish(full, &sha256(&data), 700).unwrap();
        assert!(read_back(&alice, &result.blob_id) == data);
        assert_eq!(alice.begin(&own, &spec("part")).unwrap(), part_of);
        alice.memories_delete(&done.result.memory_id).unwrap();
        assert_eq!(alice.status(part_of).unwrap().received_bytes, 300);
        alice.abort(part_of).unwrap();
        jobs_done(&deployment, "delete_blob");
        assert_eq!(sample(&deployment, "blob_store_blobs"), 1.0);

        // With enough cycles it accepts the refused work.
        deployment.pic.add_cycles(deployment.id(part), 4 * T);
        upload(&alice, &spec("part"), &data).unwrap();
    }
}

#[test]
fn an_index_low_on_cycles_makes_memories_but_no_capsules() {
    let created = Created::with_cycles(network(), 4 * T);
    let deployment = created.install(GatewayArgs::default());
    let alice = deployment.client(person("alice"));
    let data = bytes(700, 1);
    let spec = UploadSpec::document("file", 700).in_chunks_of(300, 700);
    let open = begin_and_put(&alice, &spec, &data, 3);
    leave(&deployment, Part::MemoryIndex, T / 8);
    let bob = deployment.client(person("bob"));
    waits_for_cycles(bob.capsules_create(None), "the memory index");
    let own = alice.capsules_list().unwrap().remove(0).id;
    waits_for_cycles(
        alice.add_controller(&own, person("bob")),
        "the memory index",
    );
    alice.remove_controller(&own, person("bob")).unwrap();
    let result = alice.finish(open, &sha256(&data), 700).unwrap();
    assert!(read_back(&alice, &result.blob_id) == data);
    assert_eq!(refused(bob.begin(&own, &spec)), Error::Unauthorized);
}
