//! A canister for tests that stands between the gateway and one of its peers.
//!
//! It passes every call on, and fails calls as planned, before the peer acts or after. A test can
//! thus break every `await` of the gateway by ordinary means of the platform. It can also hold up a
//! method for as long as the test needs.
//!
//! It also forwards calls of tests: the platform inspects none of those that a canister makes.
//!
//! The gateway takes this canister for the peer, and the peer takes it for the gateway. Answers of
//! the peer may name their caller: this canister replaces its own id there by the gateway's.

use candid::{CandidType, Principal};
use ic_cdk::api::{canister_self, msg_caller, msg_deadline, msg_reject, msg_reply, time};
use ic_cdk::call::Call;
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

/// The fate of one call.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    Pass,
    RejectBefore,
    TrapBefore,
    /// The peer acts, but the caller gets a rejection.
    RejectAfter,
    TrapAfter,
    /// The peer acts, but the reply is not Candid.
    Garbage,
    /// The call waits for this many rounds. Then it passes, or is dropped if its deadline is over.
    HoldBefore(u8),
    /// The peer acts, and the reply waits for this many rounds.
    HoldAfter(u8),
}

/// The fates of the next calls, by method.
type Plan = BTreeMap<String, VecDeque<Fault>>;

thread_local! {
    static PEER: RefCell<Principal> = const { RefCell::new(Principal::anonymous()) };
    static PLAN: RefCell<Plan> = const { RefCell::new(BTreeMap::new()) };
    /// Calls that may still pass, by method.
    static LIMITS: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
}

#[ic_cdk::init]
fn init(peer: Principal) {
    PEER.set(peer);
}

/// Plans the fates of the next calls of these methods, each in turn.
#[ic_cdk::update]
fn plan(faults: Vec<(String, Fault)>) {
    PLAN.with_borrow_mut(|plan| {
        for (method, fault) in faults {
            plan.entry(method).or_default().push_back(fault);
        }
    });
}

/// Lets so many more calls of a method pass, and rejects all later ones until `calm`.
#[ic_cdk::update]
fn limit(method: String, calls: u64) {
    LIMITS.with_borrow_mut(|limits| limits.insert(method, calls));
}

/// The calls of a method that may still pass; `None` without a limit.
#[ic_cdk::query]
fn remaining(method: String) -> Option<u64> {
    LIMITS.with_borrow(|limits| limits.get(&method).copied())
}

/// Removes all plans and limits. Calls that are held now pass later.
#[ic_cdk::update]
fn calm() {
    PLAN.with_borrow_mut(BTreeMap::clear);
    LIMITS.with_borrow_mut(BTreeMap::clear);
}

/// Calls any canister as this one, and returns the reply, or the reason of the rejection.
#[ic_cdk::update]
async fn forward(callee: Principal, method: String, arg: ByteBuf) -> Result<ByteBuf, String> {
    let answer = Call::unbounded_wait(callee, &method)
        .take_raw_args(arg.into_vec())
        .await;
    match answer {
        Ok(response) => Ok(ByteBuf::from(response.into_bytes())),
        Err(failed) => Err(failed.to_string()),
    }
}

fn next_fault(method: &str) -> Fault {
    if !passes_limit(method) {
        return Fault::RejectBefore;
    }
    let planned = PLAN.with_borrow_mut(|plan| plan.get_mut(method).and_then(VecDeque::pop_front));
    planned.unwrap_or(Fault::Pass)
}

/// Counts a call against the limit of its method. Queries are not counted: their changes are lost.
fn passes_limit(method: &str) -> bool {
    LIMITS.with_borrow_mut(|limits| match limits.get_mut(method) {
        None => true,
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
    })
}

/// Waits for some rounds: each answer of the management canister takes one.
async fn hold(rounds: u8) {
    for _ in 0..rounds {
        let management = Principal::management_canister();
        if Call::unbounded_wait(management, "raw_rand").await.is_err() {
            return;
        }
    }
}

async fn pass_on(method: &str, arg: Vec<u8>) {
    let caller = msg_caller();
    let fault = next_fault(method);
    match fault {
        Fault::RejectBefore => return msg_reject("chaos: rejected before"),
        Fault::TrapBefore => ic_cdk::trap("chaos: trapped before"),
        Fault::HoldBefore(rounds) => {
            let deadline = msg_deadline();
            hold(rounds).await;
            // The platform delivers no request after its deadline.
            if deadline.is_some_and(|deadline| deadline.get() < time()) {
                return msg_reject("chaos: too late");
            }
        }
        _ => {}
    }
    let peer = PEER.with_borrow(|peer| *peer);
    let answer = Call::unbounded_wait(peer, method)
        .take_raw_args(arg)
        .await
        .map(|response| rename(response.into_bytes(), canister_self(), caller));
    match fault {
        Fault::RejectAfter => return msg_reject("chaos: rejected after"),
        Fault::TrapAfter => ic_cdk::trap("chaos: trapped after"),
        Fault::Garbage => return msg_reply(b"chaos"),
        Fault::HoldAfter(rounds) => hold(rounds).await,
        _ => {}
    }
    match answer {
        Ok(bytes) => msg_reply(bytes),
        Err(failed) => msg_reject(format!("chaos: {failed}")),
    }
}

/// Passes a call on in a composite query, which knows no faults but a limit.
async fn ask(method: &str, arg: Vec<u8>) {
    if !passes_limit(method) {
        return msg_reject("chaos: rejected before");
    }
    let caller = msg_caller();
    let peer = PEER.with_borrow(|peer| *peer);
    let answer = Call::bounded_wait(peer, method).take_raw_args(arg).await;
    match answer {
        Ok(response) => msg_reply(rename(response.into_bytes(), canister_self(), caller)),
        Err(failed) => msg_reject(format!("chaos: {failed}")),
    }
}

/// Replaces each occurrence of one id by another of the same length.
fn rename(mut bytes: Vec<u8>, from: Principal, to: Principal) -> Vec<u8> {
    let (from, to) = (from.as_slice(), to.as_slice());
    if from.len() == to.len() {
        let mut at = 0;
        while at + from.len() <= bytes.len() {
            if bytes[at..].starts_with(from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
            at += 1;
        }
    }
    bytes
}

/// Defines methods that the gateway calls from updates.
macro_rules! passed_on {
    ($($name:ident),+) => {$(
        #[ic_cdk::update(manual_reply = true, decode_with = "std::convert::identity")]
        async fn $name(arg: Vec<u8>) -> PhantomData<()> {
            pass_on(stringify!($name), arg).await;
            PhantomData
        }
    )+};
}

/// Defines methods that the gateway calls from composite queries only.
macro_rules! asked {
    ($($name:ident),+) => {$(
        #[ic_cdk::query(
            composite = true,
            manual_reply = true,
            decode_with = "std::convert::identity"
        )]
        async fn $name(arg: Vec<u8>) -> PhantomData<()> {
            ask(stringify!($name), arg).await;
            PhantomData
        }
    )+};
}

passed_on!(
    blob_open,
    blob_release,
    blob_put_chunk,
    blob_seal,
    blob_digest,
    blob_delete,
    blob_share,
    blob_pull,
    blob_read_shared,
    store_status,
    capsule_create,
    capsule_add_controller,
    capsule_remove_controller,
    capsule_usage,
    capsule_list,
    memory_commit,
    memory_find,
    memory_read,
    memory_delete,
    memory_trash,
    memory_restore,
    memory_expire
);
asked!(
    blob_locate,
    blob_read_chunk,
    blob_read_range,
    memory_list,
    memory_find_sha256,
    memory_trash_list,
    capsule_read
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_of_an_id_is_replaced() {
        let (from, to) = (
            Principal::from_slice(&[1, 2, 3]),
            Principal::from_slice(&[7, 8, 9]),
        );
        let renamed = rename(vec![1, 1, 2, 3, 0, 1, 2, 3], from, to);
        assert_eq!(renamed, [1, 7, 8, 9, 0, 7, 8, 9]);
        assert_eq!(rename(vec![1, 2], from, to), [1, 2]);
    }

    #[test]
    fn a_limit_counts_calls_until_it_is_lifted() {
        limit("blob_seal".into(), 1);
        assert_eq!(remaining("blob_seal".into()), Some(1));
        assert_eq!(next_fault("blob_seal"), Fault::Pass);
        assert_eq!(remaining("blob_seal".into()), Some(0));
        assert_eq!(next_fault("blob_seal"), Fault::RejectBefore);
        assert_eq!(next_fault("blob_open"), Fault::Pass);
        calm();
        assert_eq!(remaining("blob_seal".into()), None);
        assert_eq!(next_fault("blob_seal"), Fault::Pass);
    }
}
