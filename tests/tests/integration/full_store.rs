//! Canisters whose stable memory may not grow: they say so, keep what they have, and go on once
//! their operator made room.

use crate::metrics::sample;
use crate::{CHUNK, begin_and_put, bytes, capsule, read_back, refused, sha256};
use capsule_shared::Error;
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::CanisterSettings;
use std::time::Duration;
use tools::client::{CallError, Called};
use tools::deployment::{Created, Deployment, Part, deploy, person};
use tools::engine::network;
use tools::source::UploadSpec;

const T: u128 = 1_000_000_000_000;

/// More chunks than a new store takes without growth.
const MANY: usize = 60;

fn configure(deployment: &Deployment, part: Part, settings: CanisterSettings) {
    let controller = Some(deployment.controller);
    let pic = &deployment.pic;
    pic.update_canister_settings(deployment.id(part), controller, settings)
        .unwrap();
}

/// Leaves so many cycles above the freezing threshold, which growth raises.
fn leave(deployment: &Deployment, part: Part, liquid: u128) {
    let id = deployment.id(part);
    let controller = Some(deployment.controller);
    let status = deployment.pic.canister_status(id, controller).unwrap();
    let per_day: u128 = status.idle_cycles_burned_per_day.0.try_into().unwrap();
    let seconds = (deployment.cycles(part) - liquid) * 86_400 / per_day;
    let freezing_threshold = Some(seconds.into());
    let settings = CanisterSettings {
        freezing_threshold,
        ..CanisterSettings::default()
    };
    configure(deployment, part, settings);
}

/// Puts chunks until one is refused. Returns its index.
fn put_until_refused(mut put: impl FnMut(u32, &[u8]) -> Called<()>, data: &[u8]) -> (u32, Error) {
    for (index, chunk) in (0..).zip(data.chunks(CHUNK)) {
        match put(index, chunk) {
            Ok(()) => {}
            Err(CallError::Refused(error)) => return (index, error),
            Err(other) => panic!("chunk {index}: {other}"),
        }
    }
    panic!("the store took all chunks");
}

#[test]
fn a_store_that_cannot_pay_for_growth_says_so_and_goes_on_later() {
    let created = Created::with_cycles(network(), 4 * T);
    let deployment = created.install(GatewayArgs::default());
    deployment
        .pic
        .add_cycles(deployment.id(Part::Gateway), 100 * T);
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let data = bytes(MANY * CHUNK, 1);
    let spec = UploadSpec::document("film", data.len() as u64);
    let session = alice.begin(&own, &spec).unwrap();
    leave(&deployment, Part::BlobStore, 3 * T / 10);

    let put = |index, chunk: &[u8]| alice.put_chunk(session, index, chunk);
    let (index, error) = put_until_refused(put, &data);
    assert_eq!(error, Error::ResourceExhausted);
    assert!(index > 9, "chunk {index}");
    let other = UploadSpec::document("other", 5);
    assert_eq!(refused(alice.begin(&own, &other)), Error::ResourceExhausted);
    assert_eq!(sample(&deployment, "blob_store_growth_refused"), 1.0);
    assert!(sample(&deployment, "blob_store_growth_refusals_total") >= 1.0);
    assert_eq!(sample(&deployment, "blob_store_chunks"), f64::from(index));
    let status = alice.status(session).unwrap();
    assert_eq!(status.received_bytes, u64::from(index) * CHUNK as u64);

    // The operator tops the store up, and the same upload goes on.
    deployment
        .pic
        .add_cycles(deployment.id(Part::BlobStore), 100 * T);
    deployment.pic.advance_time(Duration::from_secs(11));
    for (index, chunk) in (0..).zip(data.chunks(CHUNK)).skip(index as usize) {
        alice.put_chunk(session, index, chunk).unwrap();
    }
    let mut result = alice.finish(session, &sha256(&data), data.len() as u64);
    while let Err(CallError::Refused(error)) = &result {
        assert!(error.is_temporary(), "{error}");
        deployment.pic.advance_time(Duration::from_secs(5));
        deployment.pic.tick();
        result = alice.finish(session, &sha256(&data), data.len() as u64);
    }
    assert!(read_back(&alice, &result.unwrap().blob_id) == data);
    assert_eq!(sample(&deployment, "blob_store_growth_refused"), 0.0);
    begin_and_put(&alice, &other, b"bytes", 1);
}

#[test]
fn a_store_tells_its_reserve_once_it_has_grown() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(MANY * CHUNK, 2);
    let spec = UploadSpec::document("film", data.len() as u64);
    begin_and_put(&alice, &spec, &data, MANY);
    // The management canister answers in a later round.
    (0..5).for_each(|_| deployment.pic.tick());
    let store = |name: &str| sample(&deployment, &format!("blob_store_{name}"));
    assert_eq!(store("reserved_cycles"), 0.0);
    assert_eq!(store("reserved_cycles_limit"), 5e12);
    assert_eq!(store("memory_allocation_bytes"), 0.0);
    assert_eq!(store("growth_refused"), 0.0);
    assert!(store("stable_room_bytes") >= 48.0 * 1_048_576.0);
    assert!(store("stable_room_bytes") <= 64.0 * 1_048_576.0);
    assert!(store("stable_memory_bytes") > store("bytes"));
    println!("heap {}", store("heap_bytes"));
}

/// Nobody but the canister itself may have it grow.
#[test]
fn only_the_canister_itself_grows_its_memory() {
    let deployment = deploy();
    for part in Part::ALL {
        let before = sample(&deployment, &format!("{}_stable_memory_bytes", part.name()));
        for who in [person("mallory"), deployment.controller] {
            let call = deployment.pic.update_call(
                deployment.id(part),
                who,
                "grow_stable_memory",
                candid::encode_args(()).unwrap(),
            );
            let refused = match call {
                Err(_) => true,
                Ok(reply) => {
                    let reply = candid::decode_one::<capsule_shared::Result<()>>(&reply);
                    reply.unwrap() == Err(Error::Unauthorized)
                }
            };
            assert!(refused, "{}", part.name());
        }
        let after = sample(&deployment, &format!("{}_stable_memory_bytes", part.name()));
        assert_eq!(before, after);
    }
}
