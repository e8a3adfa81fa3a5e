//! The platform behind one narrow trait: calls to other canisters, time, the log and the timer.
//!
//! Tests replace it with a world of their own.

use crate::session::types::{Clock, LocalFuture};
use crate::timer;
use candid::Principal;
use ic_cdk::call::{Call, CallErrorExt, CallFailed};

/// A call without a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// Whether the callee may have run the call although no reply came.
    pub may_have_acted: bool,
    pub kind: FailureKind,
    pub text: String,
}

/// How far a call without a reply got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The gateway has too many open calls of its kind, to this callee or in all.
    HeldBack,
    /// The platform didn't send it.
    NotSent,
    /// The callee has no such method.
    NoMethod,
    /// It was rejected, or its deadline passed.
    Rejected,
}

pub trait Runtime: Clock + Clone + 'static {
    /// Calls `method` of `callee` with Candid arguments. The call leaves when the future is first
    /// polled.
    fn call(
        &self,
        callee: Principal,
        method: &'static str,
        arg: Vec<u8>,
    ) -> LocalFuture<Result<Vec<u8>, CallFailure>>;

    fn self_id(&self) -> Principal;

    /// Whether this runs in a query, whose changes are lost and whose calls are calls of queries.
    fn in_query(&self) -> bool;

    /// Cycles above the freezing threshold.
    fn liquid_cycles(&self) -> u128;

    /// Instructions that this message has used so far.
    fn instructions(&self) -> u64;

    /// The canister that the environment variable `PUBLIC_CANISTER_ID:<name>` gives. Deploy tools
    /// set these variables.
    fn named_peer(&self, name: &str) -> Option<Principal>;

    fn log(&self, line: &str);

    /// Asks for a turn of the timer at `time` (nanoseconds since 1970) or soon after. An earlier
    /// turn stays.
    fn wake_at(&self, time: u64);
}

/// The Internet Computer, as a canister sees it.
#[derive(Clone, Copy)]
pub struct IcRuntime;

/// Calls wait for a bounded time: an upgrade stops the canister first, and stopping must end.
const CALL_TIMEOUT_SECONDS: u32 = 60;

impl Clock for IcRuntime {
    fn now(&self) -> u64 {
        ic_cdk::api::time()
    }
}

impl Runtime for IcRuntime {
    fn call(
        &self,
        callee: Principal,
        method: &'static str,
        arg: Vec<u8>,
    ) -> LocalFuture<Result<Vec<u8>, CallFailure>> {
        Box::pin(async move {
            Call::bounded_wait(callee, method)
                .change_timeout(CALL_TIMEOUT_SECONDS)
                .take_raw_args(arg)
                .await
                .map(|response| response.into_bytes())
                .map_err(|failed| CallFailure {
                    may_have_acted: !failed.is_clean_reject(),
                    kind: kind_of(&failed),
                    text: describe(&failed),
                })
        })
    }

    fn self_id(&self) -> Principal {
        ic_cdk::api::canister_self()
    }

    fn in_query(&self) -> bool {
        !ic_cdk::api::in_replicated_execution()
    }

    fn liquid_cycles(&self) -> u128 {
        ic_cdk::api::canister_liquid_cycle_balance()
    }

    fn instructions(&self) -> u64 {
        ic_cdk::api::performance_counter(0)
    }

    fn named_peer(&self, name: &str) -> Option<Principal> {
        let variable = format!("PUBLIC_CANISTER_ID:{name}");
        if !ic_cdk::api::env_var_name_exists(&variable) {
            return None;
        }
        Principal::from_text(ic_cdk::api::env_var_value(&variable)).ok()
    }

    fn log(&self, line: &str) {
        ic_cdk::api::debug_print(line);
    }

    fn wake_at(&self, time: u64) {
        timer::wake_at(time);
    }
}

/// The platform has one code for a missing method, a trap and a stopped canister, so the text has
/// to tell.
///
/// Source: `CanisterMethodNotFound` in the replica's `rs/types/error_types`.
fn kind_of(failed: &CallFailed) -> FailureKind {
    const NO_METHOD: [&str; 2] = ["has no update method", "has no query method"];
    let CallFailed::CallRejected(rejected) = failed else {
        return FailureKind::NotSent;
    };
    let text = rejected.reject_message();
    match NO_METHOD.iter().any(|words| text.contains(words)) {
        true => FailureKind::NoMethod,
        false => FailureKind::Rejected,
    }
}

fn describe(failed: &CallFailed) -> String {
    match failed {
        CallFailed::InsufficientLiquidCycleBalance(_) => {
            "this canister has too few cycles for the call".into()
        }
        CallFailed::CallPerformFailed(_) => "the call could not be sent".into(),
        CallFailed::CallRejected(rejected) => rejected.reject_message().to_string(),
    }
}
