//! Instances: their time, their calls, their canisters, and their deletion.

use crate::client::{builder, field, instance, raw, refusal, with_canister};
use candid::Principal;
use pocket_ic::common::rest::BlobCompression;
use pocket_ic::{IngressStatusResult, Time};
use std::io::Write;
use std::time::Duration;

#[test]
fn time_moves_forward_only() {
    let pic = instance();
    let start = Time::from_nanos_since_unix_epoch(1_900_000_000_000_000_000);
    pic.set_time(start);
    assert_eq!(pic.get_time(), start);
    pic.advance_time(Duration::from_secs(5));
    assert_eq!(pic.get_time(), start + Duration::from_secs(5));
    pic.set_certified_time(start + Duration::from_secs(9));
    assert_eq!(pic.get_time(), start + Duration::from_secs(9));
    pic.tick();
    assert!(pic.get_time() >= start + Duration::from_secs(9));
    let message = refusal(|| pic.set_time(start));
    assert!(message.contains("SettingTimeIntoPast"), "{message}");
}

#[test]
fn calls_are_answered_and_belong_to_their_sender() {
    let pic = instance();
    let canister = with_canister(&pic);
    let alice = Principal::self_authenticating("alice");
    assert!(pic.update_call(canister, alice, "fast", vec![]).is_ok());
    assert!(
        pic.query_call(canister, alice, "fast_query", vec![])
            .is_ok()
    );
    assert!(pic.update_call(canister, alice, "missing", vec![]).is_err());

    let id = pic
        .submit_call(canister, alice, "fast", vec![])
        .expect("is accepted");
    assert_eq!(pic.ingress_status(id.clone()), None);
    assert!(pic.await_call(id.clone()).is_ok());
    assert!(pic.ingress_status(id.clone()).expect("is done").is_ok());
    let of = |caller| pic.ingress_status_as(id.clone(), caller);
    assert!(matches!(of(alice), IngressStatusResult::Success(Ok(_))));
    assert!(matches!(
        of(Principal::anonymous()),
        IngressStatusResult::Forbidden(_)
    ));

    let mut unknown = id.clone();
    unknown.message_id = vec![0xee; 32];
    let message = refusal(|| pic.await_call(unknown));
    assert!(message.contains("no ingress message 0xeeee"), "{message}");
}

#[test]
fn a_canister_is_described_and_funded() {
    let pic = instance();
    let canister = pic.create_canister();
    assert!(pic.canister_exists(canister));
    assert_eq!(
        pic.get_subnet(canister),
        Some(pic.topology().get_app_subnets()[0])
    );
    assert_eq!(
        pic.topology().get_subnet(canister),
        pic.get_subnet(canister)
    );
    assert_eq!(pic.get_controllers(canister), [Principal::anonymous()]);
    let before = pic.cycle_balance(canister);
    assert_eq!(pic.add_cycles(canister, 7), before + 7);
    assert_eq!(pic.cycle_balance(canister), before + 7);

    let nobody = Principal::from_slice(&[0x7f, 1, 1]);
    assert!(!pic.canister_exists(nobody));
    for message in [
        refusal(|| pic.cycle_balance(nobody)),
        refusal(|| pic.add_cycles(nobody, 1)),
        refusal(|| pic.get_controllers(nobody)),
        refusal(|| pic.get_stable_memory(nobody)),
        refusal(|| pic.set_stable_memory(nobody, vec![1], BlobCompression::NoCompression)),
    ] {
        assert!(message.contains("CanisterNotFound"), "{message}");
    }
}

#[test]
fn stable_memory_is_set_and_read() {
    let pic = instance();
    let canister = with_canister(&pic);
    let bytes: Vec<u8> = (0..131_072_u32).map(|i| (i % 251) as u8).collect();
    pic.set_stable_memory(canister, bytes.clone(), BlobCompression::NoCompression);
    assert_eq!(pic.get_stable_memory(canister), bytes);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&[7; 65_536]).expect("writes to memory");
    let packed = gzip.finish().expect("writes to memory");
    pic.set_stable_memory(canister, packed, BlobCompression::Gzip);
    assert_eq!(pic.get_stable_memory(canister)[..65_536], [7; 65_536]);
    let message = refusal(|| pic.set_stable_memory(canister, vec![1], BlobCompression::Gzip));
    assert!(message.contains("not valid gzip"), "{message}");
}

#[test]
fn the_root_key_is_that_of_the_nns() {
    let pic = builder()
        .with_nns_subnet()
        .with_application_subnet()
        .build();
    let key = pic.root_key().expect("there is an NNS");
    assert_eq!(key[0], 0x30, "DER begins with a sequence");
    assert_eq!(instance().root_key(), None);
}

#[test]
fn many_instances_live_at_once() {
    let threads: Vec<_> = (0..8_u64)
        .map(|n| {
            std::thread::spawn(move || {
                let pic = instance();
                let time = Time::from_nanos_since_unix_epoch(1_900_000_000_000_000_000 + n * 1000);
                pic.set_time(time);
                let canister = pic.create_canister();
                pic.add_cycles(canister, n.into());
                // each round takes a nanosecond of the network's own time
                assert!(pic.get_time() < time + Duration::from_nanos(1000));
                pic.instance_id()
            })
        })
        .collect();
    let mut ids: Vec<_> = threads
        .into_iter()
        .map(|t| t.join().expect("passes"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[test]
fn a_deleted_instance_is_gone() {
    let pic = instance();
    let id = pic.instance_id();
    let (_, list) = raw("GET", "/instances", "", "");
    let states: Vec<String> = serde_json::from_str(&list).expect("is a list");
    assert_eq!(states[id], "Available");
    drop(pic);
    let (_, list) = raw("GET", "/instances", "", "");
    let states: Vec<String> = serde_json::from_str(&list).expect("is a list");
    assert_eq!(states[id], "Deleted");
    let (status, body) = raw("POST", &format!("/instances/{id}/update/tick"), "", "{}");
    assert_eq!(status, 404);
    assert_eq!(
        field(&body, "message"),
        format!("instance {id} was deleted")
    );
    let (status, body) = raw("GET", "/instances/999999/read/get_time", "", "");
    assert_eq!(status, 404);
    assert_eq!(field(&body, "message"), "there is no instance 999999");
}
