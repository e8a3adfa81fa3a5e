//! Bad arguments for every public method: extreme values, broken Candid, other types, far too many
//! bytes.
//!
//! No call may trap, and a refused call may change nothing.

mod interface;
mod messages;
mod numbers;
mod values;

use crate::client::{CallError, Client};
use crate::deployment::{Deployment, Part, person};
use crate::metrics::metrics;
use crate::source::UploadSpec;
use candid::IDLArgs;
use candid::Principal;
use candid::types::Label;
use candid::types::value::IDLValue;
use interface::methods;
use messages::argument;
use numbers::Numbers;
use pocket_ic::ErrorCode;
use std::collections::BTreeMap;

/// Calls between two comparisons of the state.
const BATCH: u64 = 100;

/// Calls by their outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub tried: u64,
    /// The canister answered with a value.
    pub accepted: u64,
    /// The canister answered with its own error.
    pub typed_errors: u64,
    /// The canister rejected the message before execution.
    pub turned_away: u64,
}

/// Tries `count` arguments on a fresh deployment. Calls `done` from time to time with their number.
///
/// # Errors
/// The first call that traps, or the first calls that were all refused but changed the state.
pub fn try_bad_arguments(
    deployment: &Deployment,
    seed: u64,
    count: u64,
    done: impl Fn(u64),
) -> Result<Tally, String> {
    let (env, methods) = methods()?;
    let auditor = person("auditor");
    prepare(deployment, auditor)?;
    let mut numbers = Numbers::of_seed(seed);
    let mut tally = Tally::default();
    let mut before = state(deployment)?;
    let mut changed = false;
    let mut batch = Vec::new();
    while tally.tried < count {
        let method = &methods[numbers.below(methods.len())];
        let bytes = argument(&mut numbers, &env, method, &methods);
        let who = match method.part {
            Part::Gateway => numbers.pick(&[person("alice"), person("alice"), person("mallory")]),
            _ => auditor,
        };
        let shown = || {
            let head = &bytes[..bytes.len().min(60)];
            let (part, name) = (method.part.name(), &method.name);
            format!("{part}.{name} with {} bytes, {head:02x?}…", bytes.len())
        };
        tally.tried += 1;
        let id = deployment.id(method.part);
        let pic = &deployment.pic;
        let answer = match method.is_query {
            true => pic.query_call(id, who, &method.name, bytes.clone()),
            false => pic.update_call(id, who, &method.name, bytes.clone()),
        };
        match answer {
            Ok(reply) if is_typed_error(&reply) => tally.typed_errors += 1,
            Ok(_) => {
                tally.accepted += 1;
                changed |= !method.is_query;
            }
            Err(reject) if reject.error_code == ErrorCode::CanisterRejectedMessage => {
                tally.turned_away += 1;
            }
            Err(reject) => return Err(format!("{}: {reject}", shown())),
        }
        batch.push(method.name.as_str());
        if tally.tried.is_multiple_of(BATCH) || tally.tried == count {
            let now = state(deployment)?;
            if !changed && now != before {
                return Err(format!(
                    "{batch:?} were all refused, but changed {before:#?} to {now:#?}"
                ));
            }
            (before, changed) = (now, false);
            batch.clear();
            done(tally.tried);
        }
    }
    Ok(tally)
}

/// Creates targets: a capsule, a memory and a pending upload.
///
/// Registers the auditor as a gateway at the store and the index.
fn prepare(deployment: &Deployment, auditor: Principal) -> Result<(), String> {
    let words = |e: CallError| e.to_string();
    let alice = deployment.client(person("alice"));
    let capsule = alice.capsules_create(None).map_err(words)?.id;
    let spec = UploadSpec::document("file", 3);
    alice
        .upload(&capsule, &spec, &b"abc"[..], |_| ())
        .map_err(words)?;
    alice
        .begin(&capsule, &UploadSpec::document("open", 3))
        .map_err(words)?;
    for part in [Part::BlobStore, Part::MemoryIndex] {
        let controller = Client::new(&deployment.pic, deployment.id(part), deployment.controller);
        controller
            .update::<()>("gateways_register", (auditor,))
            .map_err(words)?;
    }
    Ok(())
}

/// The counts of stored data, which refused calls may not change.
fn state(deployment: &Deployment) -> Result<BTreeMap<String, f64>, String> {
    let mut all = BTreeMap::new();
    for part in Part::ALL {
        all.extend(metrics(deployment, part)?);
    }
    let counts = ["_bytes", "_cycles", "_balance", "failed_total"];
    all.retain(|name, _| !counts.iter().any(|noise| name.contains(noise)));
    Ok(all)
}

/// Returns whether a reply is `variant { Err : … }`.
fn is_typed_error(reply: &[u8]) -> bool {
    let Ok(args) = IDLArgs::from_bytes(reply) else {
        return false;
    };
    let err = Label::Named("Err".into()).get_id();
    matches!(args.args.first(), Some(IDLValue::Variant(v)) if v.0.id.get_id() == err)
}
