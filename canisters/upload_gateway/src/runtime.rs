//! The platform behind one narrow trait: calls to other canisters, time, the log and the timer.
//!
//! Tests replace it with a world of their own.

use crate::session::types::{Clock, LocalFuture};
use crate::timer;
use candid::Principal;
use ic_cdk::call::{Call, CallErrorExt, CallFailed, RejectCode};

/// A call without a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// Whether the callee may have run the call although no reply came. It never did without the
    /// method.
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
                .map_err(failure_of)
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

fn failure_of(failed: CallFailed) -> CallFailure {
    let kind = kind_of(&failed);
    CallFailure {
        // The platform has no method to run, so nothing ran.
        may_have_acted: !failed.is_clean_reject() && kind != FailureKind::NoMethod,
        kind,
        text: describe(&failed),
    }
}

/// The platform has one code for a missing method, a trap and a stopped canister, so the text has
/// to tell. Its first quotation is the name of the method. A callee's own words come after a
/// quotation mark, or with another code.
///
/// Source: `CanisterMethodNotFound` in the replica's `rs/types/error_types`.
fn kind_of(failed: &CallFailed) -> FailureKind {
    const NO_METHOD: [&str; 2] = ["has no update method ", "has no query method "];
    let CallFailed::CallRejected(rejected) = failed else {
        return FailureKind::NotSent;
    };
    let is_platforms = rejected.raw_reject_code() == RejectCode::CanisterError as u32;
    let quotation = rejected.reject_message().split_once('\'');
    match quotation {
        Some((words, _)) if is_platforms && NO_METHOD.iter().any(|no| words.ends_with(no)) => {
            FailureKind::NoMethod
        }
        _ => FailureKind::Rejected,
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

#[cfg(test)]
mod tests {
    use super::*;
    use ic_cdk::call::CallRejected;

    fn rejected(code: RejectCode, text: &str) -> CallFailure {
        let rejected = CallRejected::with_rejection(code as u32, text.to_string());
        failure_of(CallFailed::CallRejected(rejected))
    }

    #[test]
    fn a_missing_method_is_known_and_did_nothing() {
        for text in [
            "IC0536: Error from Canister aaaaa-aa: Canister has no update method 'run'..\nCheck",
            // In a composite query.
            "Error from Canister aaaaa-aa: Canister has no query method 'run'..\nCheck",
        ] {
            let failure = rejected(RejectCode::CanisterError, text);
            assert_eq!(failure.kind, FailureKind::NoMethod, "{text}");
            assert!(!failure.may_have_acted, "{text}");
        }
    }

    #[test]
    fn a_callees_own_words_are_no_missing_method() {
        let words = "Canister has no update method 'run'";
        for code in [
            RejectCode::CanisterReject,
            RejectCode::DestinationInvalid,
            RejectCode::SysUnknown,
        ] {
            assert_eq!(rejected(code, words).kind, FailureKind::Rejected, "{code}");
        }
        for trap in [
            format!(
                "IC0503: Error from Canister aaaaa-aa: Canister called `ic0.trap` with \
                     message: '{words}'"
            ),
            "IC0503: Error from Canister aaaaa-aa: Canister trapped: out of bounds".to_string(),
        ] {
            let failure = rejected(RejectCode::CanisterError, &trap);
            assert_eq!(failure.kind, FailureKind::Rejected, "{trap}");
            assert!(failure.may_have_acted, "{trap}");
        }
    }

    #[test]
    fn only_a_clean_reject_leaves_no_doubt() {
        let acted = |code| rejected(code, "text").may_have_acted;
        assert!(acted(RejectCode::CanisterReject) && acted(RejectCode::SysUnknown));
        assert!(!acted(RejectCode::SysFatal) && !acted(RejectCode::SysTransient));
        assert!(!acted(RejectCode::DestinationInvalid));
    }
}
