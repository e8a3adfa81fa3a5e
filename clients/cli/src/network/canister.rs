//! A canister of the system, as its operator calls it, and how such a call fails.

use crate::exit::Kind;
use crate::network::call::{Call, Caller};
use crate::network::error::CallError;
use crate::network::metrics::Metrics;
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal};
use capsule_shared::Error as Refusal;
use ic_agent::Agent;
use serde::de::DeserializeOwned;
use std::time::Duration;
use thiserror::Error;

/// One canister, called by one identity.
#[derive(Clone)]
pub struct Canister {
    caller: Caller,
    kind: &'static str,
    /// How long each call is repeated.
    patience: Duration,
}

/// Why an operator's command failed.
#[derive(Debug, Error)]
pub enum OperatorError {
    #[error("{call}{}", hint(call, *canister, *sender))]
    Call {
        call: Box<CallError>,
        canister: Principal,
        sender: Principal,
    },
    #[error(
        "store {store} is not one of gateway {gateway}, expected one that \
         `capsule admin stores list` shows"
    )]
    NotListed {
        store: Principal,
        gateway: Principal,
    },
    #[error(
        "gateway {gateway} is not registered in {canisters}; expected a registered one: \
         call gateways_register there first, with its id"
    )]
    NotRegistered {
        gateway: Principal,
        canisters: String,
    },
    #[error("gateway {gateway} names no memory index, expected one in its configuration")]
    NoIndex { gateway: Principal },
    #[error("{sessions} not ended, expected the numbers of pending sessions")]
    NotEnded { sessions: String },
}

impl OperatorError {
    pub fn kind(&self) -> Kind {
        match self {
            OperatorError::Call { call, .. } => call.kind(),
            OperatorError::NotListed { .. } | OperatorError::NotEnded { .. } => Kind::NotFound,
            OperatorError::NotRegistered { .. } | OperatorError::NoIndex { .. } => Kind::Refused,
        }
    }
}

/// The step after which the canister obeys a stranger.
fn hint(call: &CallError, canister: Principal, sender: Principal) -> String {
    match call.refusal() {
        Some(Refusal::Unauthorized) => {
            format!("; add this principal as a controller of the canister {canister}: {sender}")
        }
        _ => String::new(),
    }
}

impl Canister {
    /// `kind` names the canister in errors, together with its id.
    pub fn new(agent: Agent, id: Principal, kind: &'static str, patience: Duration) -> Self {
        Self {
            caller: Caller {
                agent,
                canister: id,
            },
            kind,
            patience,
        }
    }

    /// Another canister of the same network.
    pub fn other(&self, id: Principal, kind: &'static str) -> Self {
        Self::new(self.caller.agent.clone(), id, kind, self.patience)
    }

    /// The same canister, whose calls are repeated for at most `patience`.
    pub fn patient_for(&self, patience: Duration) -> Self {
        Self {
            patience: self.patience.min(patience),
            ..self.clone()
        }
    }

    pub fn id(&self) -> Principal {
        self.caller.canister
    }

    /// The kind and the id.
    pub fn name(&self) -> String {
        format!("{} {}", self.kind, self.id())
    }

    pub async fn update<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Result<T, OperatorError> {
        let answer = self.caller.update(self.call(method, args)).await;
        answer.map_err(|call| self.failed(call))
    }

    pub async fn query<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Result<T, OperatorError> {
        let answer = self.caller.query(self.call(method, args)).await;
        answer.map_err(|call| self.failed(call))
    }

    pub async fn metrics(&self) -> Result<Metrics, CallError> {
        self.caller.metrics(self.name(), self.patience).await
    }

    /// The SHA-256 of its module, as the network certifies it. `None` if it has none.
    pub async fn module(&self) -> Result<Option<Vec<u8>>, CallError> {
        self.caller.module(self.name(), self.patience).await
    }

    fn call<'a>(&self, method: &'a str, args: impl ArgumentEncoder) -> Call<'a> {
        Call {
            what: self.name(),
            method,
            arg: encode_args(args).expect("BUG: the arguments are Candid"),
            patience: self.patience,
        }
    }

    fn failed(&self, call: CallError) -> OperatorError {
        OperatorError::Call {
            call: Box::new(call),
            canister: self.id(),
            // an identity without a principal has sent no call
            sender: self
                .caller
                .agent
                .get_principal()
                .unwrap_or(Principal::anonymous()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::error::Cause;

    fn refused(error: Refusal) -> OperatorError {
        OperatorError::Call {
            call: Box::new(CallError {
                what: "store aaaaa-aa".into(),
                cause: Cause::Refused(error),
            }),
            canister: Principal::management_canister(),
            sender: Principal::anonymous(),
        }
    }

    #[test]
    fn a_stranger_is_told_which_principal_lacks_which_right() {
        let error = refused(Refusal::Unauthorized);
        assert_eq!(
            error.to_string(),
            "store aaaaa-aa: unauthorized; add this principal as a controller of the canister \
             aaaaa-aa: 2vxsx-fae"
        );
        assert_eq!(error.kind(), Kind::Unauthorized);
        let other = refused(Refusal::Conflict("it has 3 blobs".into())).to_string();
        assert_eq!(other, "store aaaaa-aa: conflict: it has 3 blobs");
    }
}
