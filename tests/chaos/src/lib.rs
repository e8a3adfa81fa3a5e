//! A canister that stands between the gateway and one of its peers, in tests. It passes every call on, and fails the
//! next call of a method as it was told, before the peer has acted or after: so every `await` of the gateway can be
//! broken by ordinary means of the platform.
//!
//! The gateway takes it for the peer, and the peer for the gateway. Where the peer's answer names the caller, it names
//! this canister: its id is replaced by the gateway's.

use candid::{CandidType, Principal};
use ic_cdk::api::{canister_self, msg_caller, msg_deadline, msg_reject, msg_reply, time};
use ic_cdk::call::Call;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

/// What happens to one call.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is as if there were none.
    Pass,
    RejectBefore,
    TrapBefore,
    /// The peer acts, the caller hears of a rejection.
    RejectAfter,
    TrapAfter,
    /// The peer acts, the answer makes no sense.
    Garbage,
    /// It is held for so many rounds, then passed on; or dropped, if its deadline is over then.
    HoldBefore(u8),
    /// The peer acts, the answer is held.
    HoldAfter(u8),
}

thread_local! {
    static PEER: RefCell<Principal> = const { RefCell::new(Principal::anonymous()) };
    static PLAN: RefCell<BTreeMap<String, VecDeque<Fault>>> = const { RefCell::new(BTreeMap::new()) };
}

#[ic_cdk::init]
fn init(peer: Principal) {
    PEER.set(peer);
}

/// What happens to the next calls of these methods, each in turn.
#[ic_cdk::update]
fn plan(faults: Vec<(String, Fault)>) {
    PLAN.with_borrow_mut(|plan| {
        for (method, fault) in faults {
            plan.entry(method).or_default().push_back(fault);
        }
    });
}

/// From now on every call passes, those that are held too once they are let go.
#[ic_cdk::update]
fn calm() {
    PLAN.with_borrow_mut(BTreeMap::clear);
}

fn next_fault(method: &str) -> Fault {
    let planned = PLAN.with_borrow_mut(|plan| plan.get_mut(method).and_then(VecDeque::pop_front));
    planned.unwrap_or(Fault::Pass)
}

/// The answer to a call of the management canister comes a round later.
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

/// In a composite query: it only passes on.
async fn ask(method: &str, arg: Vec<u8>) {
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

/// Methods that the gateway calls from updates.
macro_rules! passed_on {
    ($($name:ident),+) => {$(
        #[ic_cdk::update(manual_reply = true, decode_with = "std::convert::identity")]
        async fn $name(arg: Vec<u8>) -> PhantomData<()> {
            pass_on(stringify!($name), arg).await;
            PhantomData
        }
    )+};
}

/// Methods that it calls from composite queries alone.
macro_rules! asked {
    ($($name:ident),+) => {$(
        #[ic_cdk::query(composite = true, manual_reply = true, decode_with = "std::convert::identity")]
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
    capsule_create,
    capsule_add_controller,
    capsule_remove_controller,
    capsule_usage,
    capsule_list,
    memory_commit,
    memory_read,
    memory_delete
);
asked!(blob_locate, blob_read_chunk, memory_list, capsule_read);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_wherever_they_are() {
        let (from, to) = (
            Principal::from_slice(&[1, 2, 3]),
            Principal::from_slice(&[7, 8, 9]),
        );
        let renamed = rename(vec![1, 1, 2, 3, 0, 1, 2, 3], from, to);
        assert_eq!(renamed, [1, 7, 8, 9, 0, 7, 8, 9]);
        assert_eq!(rename(vec![1, 2], from, to), [1, 2]);
    }
}
