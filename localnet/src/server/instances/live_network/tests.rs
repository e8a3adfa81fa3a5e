//! A network that is kept in a folder: what is recorded, and what a restart finds.

use super::*;
use crate::replica::{IngressStatus, SubnetKind};
use candid::{decode_one, encode_one};
use ic_management_canister_types::{
    CanisterIdRecord, CanisterInstallMode, InstallCodeArgs, ProvisionalCreateCanisterWithCyclesArgs,
};

const SECOND: u64 = 1_000_000_000;

/// `arm` sets the timer to an hour later.
const MODULE: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "time" (func $time (result i64)))
  (import "ic0" "global_timer_set" (func $set (param i64) (result i64)))
  (memory 1)
  (func (export "canister_update arm")
    (drop (call $set (i64.add (call $time) (i64.const 3600000000000))))
    (call $reply))
  (func (export "canister_global_timer")))"#;

fn open(folder: &Path) -> LiveNetwork {
    let config = NetworkConfig {
        application_subnets: 1,
        ..NetworkConfig::default()
    };
    LiveNetwork::open(folder, config).expect("opens")
}

fn call(live: &mut LiveNetwork, canister: Principal, method: &str, arg: Vec<u8>) -> Vec<u8> {
    let call = Call {
        sender: Principal::anonymous(),
        canister,
        method: method.into(),
        arg,
        effective: Some(live.network.default_effective_canister_id()),
    };
    let id = live.submit(call, None).expect("is recorded");
    let id = id.expect("is accepted");
    live.tick_at(live.network.time() + SECOND)
        .expect("is recorded");
    match live.network.status(&id) {
        IngressStatus::Done(answer) => answer.expect("is no reject"),
        _ => panic!("one round does not answer {method}"),
    }
}

/// Makes a canister of [`MODULE`], and runs rounds until nothing is left to do.
fn with_canister(live: &mut LiveNetwork) -> Principal {
    let management = Principal::management_canister();
    let create = ProvisionalCreateCanisterWithCyclesArgs {
        amount: None,
        settings: None,
        specified_id: None,
        sender_canister_version: None,
    };
    let create = encode_one(create).expect("is Candid");
    let created = call(
        live,
        management,
        "provisional_create_canister_with_cycles",
        create,
    );
    let created: CanisterIdRecord = decode_one(&created).expect("is Candid");
    let install = InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: created.canister_id,
        wasm_module: wat::parse_str(MODULE).expect("is valid"),
        arg: vec![],
        sender_canister_version: None,
    };
    call(
        live,
        management,
        "install_code",
        encode_one(install).expect("is Candid"),
    );
    created.canister_id
}

fn settle(live: &mut LiveNetwork) {
    let mut rounds = 0;
    while !live.network.is_quiet_at(live.network.time()) {
        live.tick_at(live.network.time() + SECOND)
            .expect("is recorded");
        rounds += 1;
        assert!(rounds < 1_000, "the network never comes to rest");
    }
}

fn recorded(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("journal"))
        .expect("is there")
        .len()
}

#[test]
fn an_idle_network_writes_nothing_and_its_time_goes_on() {
    let folder = tempfile::tempdir().expect("is made");
    let mut live = open(folder.path());
    let canister = with_canister(&mut live);
    call(&mut live, canister, "arm", vec![]);
    settle(&mut live);
    let (length, start) = (recorded(folder.path()), live.network.time());
    for second in 1..3_000 {
        live.tick_at(start + second * SECOND).expect("is no error");
        assert_eq!(live.network.time(), start + second * SECOND);
    }
    assert_eq!(recorded(folder.path()), length);
    // the wall clock may be set back
    live.tick_at(start).expect("is no error");
    assert_eq!(live.network.time(), start + 2_999 * SECOND);

    // the timer is due
    live.tick_at(start + 3_700 * SECOND).expect("is recorded");
    let fired = recorded(folder.path());
    assert!(fired > length);
    settle(&mut live);
    let rested = recorded(folder.path());
    live.tick_at(start + 9_000 * SECOND).expect("is no error");
    assert_eq!(recorded(folder.path()), rested);
}

#[test]
fn a_canister_that_only_could_run_writes_nothing() {
    let folder = tempfile::tempdir().expect("is made");
    let mut live = open(folder.path());
    let canister = with_canister(&mut live);
    call(&mut live, canister, "arm", vec![]);
    let stop = encode_one(CanisterIdRecord {
        canister_id: canister,
    });
    let management = Principal::management_canister();
    call(
        &mut live,
        management,
        "stop_canister",
        stop.expect("is Candid"),
    );
    settle(&mut live);
    let (length, start) = (recorded(folder.path()), live.network.time());
    // the timer of a stopped canister waits
    for hour in 1..10 {
        live.tick_at(start + hour * 3_600 * SECOND)
            .expect("is no error");
    }
    assert_eq!(recorded(folder.path()), length);
}

#[test]
fn a_restart_finds_what_happened_after_a_time_of_rest() {
    let folder = tempfile::tempdir().expect("is made");
    let mut live = open(folder.path());
    let canister = with_canister(&mut live);
    let state = |live: &LiveNetwork| {
        let balance = live.network.cycle_balance(canister);
        (live.network.time(), balance, live.network.topology().len())
    };
    type Change = fn(&mut LiveNetwork, Principal);
    let changes: [Change; 4] = [
        |live, canister| {
            call(live, canister, "arm", vec![]);
        },
        |live, canister| {
            live.add_cycles(canister, 7).expect("is recorded");
        },
        |live, _| live.tick().expect("is recorded"),
        |live, canister| {
            let bytes = vec![7; 65_536];
            live.set_stable_memory(canister, bytes)
                .expect("is recorded");
        },
    ];
    for change in changes {
        settle(&mut live);
        live.tick_at(live.network.time() + 1_000 * SECOND)
            .expect("is no error");
        change(&mut live, canister);
        let before = state(&live);
        drop(live);
        live = open(folder.path());
        assert_eq!(state(&live), before);
    }
    assert!(matches!(
        live.network.topology()[0].kind,
        SubnetKind::Application
    ));
}
