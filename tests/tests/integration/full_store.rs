//! Canisters whose stable memory may not grow: they say so, keep what they have, and go on once
//! their operator made room.

use crate::metrics::sample;
use crate::{CHUNK, begin_and_put, bytes, capsule, read_back, refused, sha256};
use capsule_shared::Error;
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::{CanisterSettings, ErrorCode};
use std::time::Duration;
use tools::client::{CallError, Called};
use tools::deployment::{Created, Deployment, Part, deploy, person, wasm};
use tools::engine::network;
use tools::source::UploadSpec;

const T: u128 = 1_000_000_000_000;

/// More chunks than a new store takes without growth: 234 MB.
const MANY: usize = 130;

/// Chunks for which a new store grows at least once.
const SOME: usize = 60;

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
    // A bucket of 16 MiB holds 9 chunks.
    assert!(index >= 9, "chunk {index}");
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
    let data = bytes(SOME * CHUNK, 2);
    let spec = UploadSpec::document("film", data.len() as u64);
    begin_and_put(&alice, &spec, &data, SOME);
    // The management canister answers in a later round.
    (0..5).for_each(|_| deployment.pic.tick());
    let store = |name: &str| sample(&deployment, &format!("blob_store_{name}"));
    assert_eq!(store("reserved_cycles"), 0.0);
    assert_eq!(store("reserved_cycles_limit"), 5e12);
    assert_eq!(store("memory_allocation_bytes"), 0.0);
    assert_eq!(store("growth_refused"), 0.0);
    assert!(store("stable_room_bytes") >= 48.0 * 1_048_576.0);
    assert!(store("stable_room_bytes") <= 192.0 * 1_048_576.0);
    assert!(store("stable_memory_bytes") > store("bytes"));
}

/// The timer grows the memory before an upload has to.
#[test]
fn a_store_grows_before_it_must() {
    let deployment = deploy();
    let store = |name: &str| sample(&deployment, &format!("blob_store_{name}"));
    let mebibytes = |name: &str| store(name) / 1_048_576.0;
    let alice = deployment.client(person("alice"));
    let data = bytes(MANY * CHUNK, 3);
    let spec = UploadSpec::document("film", data.len() as u64);
    let session = begin_and_put(&alice, &spec, &data, 1);
    for (index, chunk) in (0..).zip(data.chunks(CHUNK)).skip(1) {
        alice.put_chunk(session, index, chunk).unwrap();
        // An operation grows with less than 64 MiB.
        let room = mebibytes("stable_room_bytes");
        assert!((65.0..=192.0).contains(&room), "{room} MiB at {index}");
    }
}

/// Takes the place of a store, and lets a region that the store doesn't use have all buckets up to
/// 188 GiB. From 187.5 GiB on, the network reserves cycles for growth.
///
/// The memory manager's header has the number of buckets at byte 4, the pages of region 250 at byte
/// 40 + 8 × 250, and the owner of each bucket from byte 2,080 on.
const FILLER: &str = r#"(module
    (import "ic0" "stable64_size" (func $size (result i64)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
    (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
    (memory 2)
    (func (export "canister_post_upgrade")
        (local $owned i64)
        (call $read (i64.const 4) (i64.const 4) (i64.const 2))
        (local.set $owned (i64.load16_u (i32.const 4)))
        (drop (call $grow (i64.sub (i64.const 3080193) (call $size))))
        (i32.store16 (i32.const 4) (i32.const 12032))
        (call $write (i64.const 4) (i64.const 4) (i64.const 2))
        (i64.store (i32.const 8)
            (i64.mul (i64.const 256) (i64.sub (i64.const 12032) (local.get $owned))))
        (call $write (i64.const 2040) (i64.const 8) (i64.const 8))
        (memory.fill (i32.const 100) (i32.const 250) (i32.const 12032))
        (call $write
            (i64.add (i64.const 2080) (local.get $owned))
            (i64.const 100)
            (i64.sub (i64.const 12032) (local.get $owned)))))"#;

#[test]
fn a_store_at_its_limit_of_reserved_cycles_says_so_and_goes_on_later() {
    let created = Created::with_cycles(network(), 20_000 * T);
    let deployment = created.install(GatewayArgs::default());
    let controller = Some(deployment.controller);
    let store = deployment.id(Part::BlobStore);
    let pic = &deployment.pic;
    let limit = |cycles: u128| {
        let settings = CanisterSettings {
            reserved_cycles_limit: Some(cycles.into()),
            ..CanisterSettings::default()
        };
        configure(&deployment, Part::BlobStore, settings);
    };
    limit(1_000 * T);
    deployment.stop(Part::BlobStore);
    let filler = wat::parse_str(FILLER).unwrap();
    pic.upgrade_canister(store, filler, vec![], controller)
        .unwrap();
    let module = wasm(Part::BlobStore.name());
    let arg = candid::encode_one(()).unwrap();
    pic.upgrade_canister(store, module, arg, controller)
        .unwrap();
    deployment.start(Part::BlobStore);

    // The first begin grows ahead, and shows what that reserves.
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let data = bytes(MANY * CHUNK, 3);
    let spec = UploadSpec::document("film", data.len() as u64);
    let session = alice.begin(&own, &spec).unwrap();
    let status = pic.canister_status(store, controller).unwrap();
    let reserved: u128 = status.reserved_cycles.0.try_into().unwrap();
    assert!(reserved > 0, "the store is above 187.5 GiB");
    limit(reserved);
    let put = |index, chunk: &[u8]| alice.put_chunk(session, index, chunk);
    let (index, error) = put_until_refused(put, &data);
    assert_eq!(error, Error::ResourceExhausted);
    let other = UploadSpec::document("other", 5);
    assert_eq!(refused(alice.begin(&own, &other)), Error::ResourceExhausted);
    (0..5).for_each(|_| pic.tick());
    assert_eq!(sample(&deployment, "blob_store_growth_refused"), 1.0);

    limit(1_000 * T);
    pic.advance_time(Duration::from_secs(11));
    alice
        .put_chunk(session, index, &data[index as usize * CHUNK..][..CHUNK])
        .unwrap();
    begin_and_put(&alice, &other, b"bytes", 1);
    assert_eq!(sample(&deployment, "blob_store_growth_refused"), 0.0);
}

/// Nobody but the canister itself may have it grow.
#[test]
fn only_the_canister_itself_grows_its_memory() {
    let deployment = deploy();
    (0..5).for_each(|_| deployment.pic.tick());
    for part in Part::ALL {
        let before = sample(&deployment, &format!("{}_stable_memory_bytes", part.name()));
        let methods = ["grow_stable_memory", "grow_stable_memory_ahead"];
        // The gateway has no timer that grows ahead.
        let methods = &methods[..if part == Part::Gateway { 1 } else { 2 }];
        for (who, method) in [person("mallory"), deployment.controller]
            .into_iter()
            .flat_map(|who| methods.iter().map(move |method| (who, *method)))
        {
            let nothing = candid::encode_args(()).unwrap();
            let call = deployment
                .pic
                .update_call(deployment.id(part), who, method, nothing);
            let refused = match call {
                Err(reject) => reject.error_code == ErrorCode::CanisterRejectedMessage,
                Ok(reply) => {
                    let reply = candid::decode_one::<capsule_shared::Result<()>>(&reply);
                    reply.unwrap() == Err(Error::Unauthorized)
                }
            };
            assert!(refused, "{} {method}", part.name());
        }
        let after = sample(&deployment, &format!("{}_stable_memory_bytes", part.name()));
        assert_eq!(before, after);
    }
}
