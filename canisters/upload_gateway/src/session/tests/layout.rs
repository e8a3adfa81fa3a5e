//! Golden bytes of every record and key of the session layer, and those of release 0.1.0.
//!
//! Canisters in use hold these bytes. A test fails here when the code can no longer read them, or
//! writes others. Then give the record a new version, and keep reading the old one.

use super::{spec, user};
use crate::session::ended::Ended;
use crate::session::holders::{holder_key, idle_key};
use crate::session::standing::Standing;
use crate::session::timeline::key_of;
use crate::session::types::{
    Counters, ScopeUsage, SessionId, SessionMeta, SessionSpec, SessionStatus,
};
use candid::Principal;
use canister_common::codec::{Record, decode, encode};
use ic_stable_structures::Storable;
use std::borrow::Cow;
use std::fmt::Debug;

const NEW_VERSION: &str = "a changed layout needs a new version";

/// The bytes of hex digits that may have spaces between them.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[track_caller]
fn pin_record<R: Record + Debug + PartialEq>(record: R, hex: &str) {
    let golden = bytes(hex);
    assert_eq!(encode(&record), golden, "{NEW_VERSION}");
    assert_eq!(decode::<R>(&golden), record, "{NEW_VERSION}");
}

#[track_caller]
fn pin_key<K: Storable + Debug + PartialEq>(key: K, hex: &str) {
    let golden = bytes(hex);
    assert_eq!(key.to_bytes(), golden, "{NEW_VERSION}");
    assert_eq!(K::from_bytes(Cow::Borrowed(&golden)), key, "{NEW_VERSION}");
}

/// A session with every field set.
fn session(status: SessionStatus) -> SessionMeta {
    let mut meta = SessionMeta {
        id: SessionId(0x0102_0304),
        spec: spec(7, "capsule-1", "key", 0x0506, 0x0708_090a),
        status,
        created_at: 0x1111_0000_0000_0001,
        last_seen: 0x1111_0000_0000_0002,
        last_progress: 0x1111_0000_0000_0004,
        received: Default::default(),
        bytes_received: 0x0708_0000,
        chunk_size: 0x0001_b774,
        last_len: 0x0000_0c0d,
    };
    for index in [0, 1, 3, 66] {
        meta.received.insert(index);
    }
    meta
}

/// The stored form of [`session`] in this version, with these bytes of status and time of commit.
fn session_hex(version: u8, status: &str, completed_at: &str) -> String {
    [
        &format!("{version:02x}"),
        status,
        "04030201 00000000",             // id
        "0a000000 07070707070707070707", // owner
        "09000000 63617073756c652d31",   // scope: capsule-1
        "03000000 6b6579",               // idem: key
        "09000000 70686f746f2e6a7067",   // label: photo.jpg
        "06050000",                      // expected chunks
        "0a090807 00000000",             // expected bytes
        completed_at,
        "01000000 00001111",                                 // created_at
        "02000000 00001111",                                 // last_seen
        "02000000",                                          // next
        "01000000 00000080",                                 // bitmap: indexes 3 and 66
        "00000807 00000000",                                 // bytes received
        "74b70100",                                          // chunk size
        "0d0c0000",                                          // last length
        ["", "04000000 00001111"][usize::from(version > 1)], // last_progress
    ]
    .join(" ")
}

/// Each state, with its bytes and those of its time of commit.
const STATES: [(SessionStatus, &str, &str); 3] = [
    (SessionStatus::Pending, "00", "00000000 00000000"),
    (SessionStatus::Finishing, "01", "00000000 00000000"),
    (
        SessionStatus::Committed {
            completed_at: 0x1111_0000_0000_0003,
        },
        "02",
        "03000000 00001111",
    ),
];

#[test]
fn a_session_of_every_state_keeps_its_layout() {
    for (status, byte, completed_at) in STATES {
        pin_record(session(status), &session_hex(2, byte, completed_at));
    }
}

#[test]
fn a_session_of_0_1_0_made_progress_when_it_was_last_seen() {
    for (status, byte, completed_at) in STATES {
        let golden = bytes(&session_hex(1, byte, completed_at));
        let mut expected = session(status);
        expected.last_progress = expected.last_seen;
        assert_eq!(decode::<SessionMeta>(&golden), expected);
    }
}

#[test]
fn the_usage_of_a_scope_has_the_bytes_of_0_1_0() {
    let usage = ScopeUsage {
        active: 0x0102,
        pending_bytes: 0x0304_0506,
        stored_bytes: 0x0708_090a_0b0c_0d0e,
    };
    pin_record(usage, "01 02010000 06050403 00000000 0e0d0c0b 0a090807");
}

#[test]
fn counters_keep_their_layout() {
    let counters = Counters {
        next_id: 0x0102_0304_0506_0708,
        pending: 9,
        finishing: 10,
        committed: 11,
        strangers: Some(12),
    };
    let fields = "0807060504030201 0900000000000000 0a00000000000000 0b00000000000000";
    pin_record(counters, &format!("02 {fields} 0c00000000000000"));
    let first = "0100000000000000 0000000000000000 0000000000000000 0000000000000000";
    pin_record(Counters::default(), &format!("02 {first} 0000000000000000"));
    // Release 0.1.0 didn't count strangers.
    let old = decode::<Counters>(&bytes(&format!("01 {fields}")));
    let expected = Counters {
        strangers: None,
        ..counters
    };
    assert_eq!(old, expected);
}

#[test]
fn an_ended_session_keeps_its_layout() {
    let ended = Ended {
        owner: user(7),
        at: 0x0102_0304_0506_0708,
    };
    let hex = "01 0a 07070707070707070707 0807060504030201";
    pin_record(ended, hex);
}

#[test]
fn keys_of_idle_sessions_and_holders_keep_their_layout() {
    let padding = "00".repeat(19);
    let owner = format!("07070707070707070707 {padding} 0a");
    let idle = idle_key(&session(SessionStatus::Pending)).unwrap();
    pin_key(idle, &format!("{owner} 1111000000000004 0000000001020304"));
    assert_eq!(idle_key(&session(SessionStatus::Finishing)), None);
    let time = 0x1111_0000_0000_0004;
    let stranger = holder_key(Standing::New, 3, time, user(7));
    pin_key(stranger, &format!("00 fffffffc 1111000000000004 {owner}"));
    let known = holder_key(Standing::Known, 3, time, user(7));
    pin_key(known, &format!("01 fffffffc 1111000000000004 {owner}"));
}

#[test]
fn timeline_keys_have_the_bytes_of_0_1_0() {
    let pending = key_of(&session(SessionStatus::Pending)).unwrap();
    pin_key(pending, "00 1111000000000002 0000000001020304");
    let completed_at = 0x1111_0000_0000_0003;
    let committed = key_of(&session(SessionStatus::Committed { completed_at })).unwrap();
    pin_key(committed, "01 1111000000000003 0000000001020304");
    assert_eq!(key_of(&session(SessionStatus::Finishing)), None);
}

/// SHA-256 of the three texts, each behind its length as 8 bytes little-endian.
#[test]
fn idempotency_keys_have_the_bytes_of_0_1_0() {
    pin_key(
        spec(7, "capsule-1", "key", 1, 0).idem_hash(),
        "50d0798c95ec697d1d92beb44c0993e361116d083d9ce07c387d2e3bf6db33a6",
    );
    let empty = SessionSpec {
        owner: Principal::management_canister(),
        ..spec(7, "", "", 1, 0)
    };
    pin_key(
        empty.idem_hash(),
        "9d908ecfb6b256def8b49a7c504e6c889c4b0e41fe6ce3e01863dd7b61a20aa0",
    );
}

/// A principal is padded to its longest form, 29 bytes, and its length follows behind the id.
const OWNED_7: &str = "07070707070707070707 00000000000000000000000000000000000000 \
                       0102030405060708 0a";
const OWNED_EMPTY: &str = "0000000000000000000000000000000000000000000000000000000000 \
                           0102030405060708 00";

#[test]
fn ids_owners_and_scopes_as_keys_have_the_bytes_of_0_1_0() {
    let id = 0x0102_0304_0506_0708u64;
    pin_key(id, "0102030405060708");
    pin_key(user(7), "07070707070707070707");
    pin_key((user(7), id), OWNED_7);
    pin_key((Principal::management_canister(), id), OWNED_EMPTY);
    pin_key("capsule-1".to_string(), "63617073756c652d31");
    // The number of an owner's active sessions.
    pin_key(0x0102_0304u32, "01020304");
}
