//! Tests of the Candid interface: the committed `.did` file describes the code, and the methods
//! that frontends rely on stay.

use crate::__export_service;
use candid::types::subtype::{equal, subtype};
use candid::types::{Type, TypeEnv, TypeInner};
use candid_parser::utils::{CandidSource, service_equal};
use std::collections::HashSet;

const COMMITTED: &str = include_str!("../upload_gateway.did");
const FROZEN: &str = include_str!("../frozen.did");
const FROZEN_METHODS: [&str; 5] = [
    "upload_config",
    "uploads_begin",
    "uploads_put_chunk",
    "uploads_finish",
    "uploads_abort",
];

/// `UPDATE_DID=1 cargo test -p upload_gateway` rewrites the file.
#[test]
fn the_committed_description_matches_the_code() {
    let code = __export_service();
    if std::env::var_os("UPDATE_DID").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/upload_gateway.did");
        std::fs::write(path, code + "\n").unwrap();
        return;
    }
    if let Err(error) = service_equal(CandidSource::Text(&code), CandidSource::Text(COMMITTED)) {
        panic!("upload_gateway.did doesn't match the code: {error}");
    }
}

/// Checks `service` against the frozen interface; returns the first method that breaks it.
///
/// Frozen methods must be equal. The others must be compatible.
fn violation(service: &str) -> Option<String> {
    let (mut env, new): (TypeEnv, _) = CandidSource::Text(service).load().unwrap();
    let (frozen_env, frozen) = CandidSource::Text(FROZEN).load().unwrap();
    let new = new.unwrap();
    let frozen = env.merge_type(frozen_env, frozen.unwrap());
    for (name, old) in env.as_service(&frozen).unwrap() {
        let Ok(method) = env.get_method(&new, name) else {
            return Some(format!("{name} is missing"));
        };
        let (method, old): (Type, Type) = (TypeInner::Func(method.clone()).into(), old.clone());
        let verdict = match FROZEN_METHODS.contains(&name.as_str()) {
            true => equal(&mut HashSet::new(), &env, &method, &old),
            false => subtype(&mut HashSet::new(), &env, &method, &old),
        };
        if let Err(error) = verdict {
            return Some(format!("{name}: {error}"));
        }
    }
    None
}

#[test]
fn the_frozen_methods_are_there() {
    assert_eq!(violation(&__export_service()), None);
    assert_eq!(violation(COMMITTED), None);
}

/// The check itself works.
#[test]
fn the_check_notices_every_change_of_a_frozen_method() {
    assert_eq!(violation(FROZEN), None);
    for (what, before, after) in [
        (
            "a new error",
            "  ResourceExhausted;\n",
            "  ResourceExhausted;\n  Busy;\n",
        ),
        ("one error fewer", "  ResourceExhausted;\n", ""),
        (
            "a new field of the result",
            "  remote_id : opt text;\n",
            "  remote_id : opt text;\n  more : opt text;\n",
        ),
        (
            "a new optional argument",
            "uploads_abort : (nat64)",
            "uploads_abort : (nat64, opt text)",
        ),
        (
            "an update instead of a query",
            "(UploadConfig) query",
            "(UploadConfig)",
        ),
        (
            "another type of a field",
            "  bytes : nat64;\n",
            "  bytes : nat;\n",
        ),
        ("one field fewer", "  tags : vec text;\n", ""),
        (
            "one method fewer",
            "  uploads_abort : (nat64) -> (variant { Ok; Err : Error });\n",
            "",
        ),
        (
            "one compatible method fewer",
            "  sessions_stats : () -> (variant { Ok : text; Err : Error }) query;\n",
            "",
        ),
    ] {
        assert!(FROZEN.contains(before), "{what}");
        let changed = FROZEN.replace(before, after);
        assert!(violation(&changed).is_some(), "{what} went unnoticed");
    }
}
