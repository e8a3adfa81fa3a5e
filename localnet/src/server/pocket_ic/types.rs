//! Converts the types of the protocol to those of the network, and back.

use crate::replica::{self, Call, MessageId, Network, Reject};
use crate::server::refusal::Refusal;
use candid::Principal;
use pocket_ic::common::rest::{
    CanisterCyclesCostSchedule, CanisterIdRange, RawCanisterCall, RawCanisterId,
    RawEffectivePrincipal, RawMessageId, SubnetConfig, SubnetInstructionConfig, SubnetKind,
    Topology,
};
use pocket_ic::{ErrorCode, RejectCode, RejectResponse};
use sha2::{Digest, Sha256};

/// Checks bytes of a client; `what` names them in the error.
pub fn principal(bytes: &[u8], what: &str) -> Result<Principal, Refusal> {
    Principal::try_from_slice(bytes)
        .map_err(|e| Refusal::bad_request(format!("{what} is no principal: {e}")))
}

pub fn canister(id: &RawCanisterId) -> Result<Principal, Refusal> {
    principal(&id.canister_id, "the canister id")
}

/// The refusal for a canister that doesn't exist, in the official server's words.
pub fn no_canister(canister: Principal) -> Refusal {
    Refusal::bad_request(format!("CanisterNotFound({canister})"))
}

pub fn call(raw: RawCanisterCall) -> Result<Call, Refusal> {
    if raw.sender_info.is_some() {
        return Err(Refusal::not_supported("calls with sender info"));
    }
    let effective = match &raw.effective_principal {
        RawEffectivePrincipal::None => None,
        RawEffectivePrincipal::SubnetId(id) => Some(principal(id, "the effective subnet id")?),
        RawEffectivePrincipal::CanisterId(id) => Some(principal(id, "the effective canister id")?),
    };
    Ok(Call {
        sender: principal(&raw.sender, "the sender")?,
        canister: principal(&raw.canister_id, "the canister id")?,
        method: raw.method,
        arg: raw.payload,
        effective,
    })
}

pub fn message_id(raw: &RawMessageId) -> Result<MessageId, Refusal> {
    raw.message_id
        .as_slice()
        .try_into()
        .map(MessageId)
        .map_err(|_| {
            Refusal::bad_request(format!(
                "the message id has {} bytes, expected 32",
                raw.message_id.len()
            ))
        })
}

/// The refusal for a message that the network did not accept, in the official server's words.
pub fn bad_ingress(reason: &str) -> Refusal {
    Refusal::bad_request(format!("BadIngressMessage({reason:?})"))
}

/// A reject as the protocol writes it.
///
/// # Errors
///
/// A reject without known codes (error code 0) means that the network did not accept the call:
/// refused with 400.
pub fn reject(reject: Reject) -> Result<RejectResponse, Refusal> {
    match (
        RejectCode::try_from(reject.code),
        ErrorCode::try_from(reject.error_code),
    ) {
        (Ok(reject_code), Ok(error_code)) => Ok(RejectResponse {
            reject_code,
            reject_message: reject.message,
            error_code,
            certified: reject.certified,
        }),
        _ => Err(bad_ingress(&reject.message)),
    }
}

pub fn answer(answer: replica::Answer) -> Result<Result<Vec<u8>, RejectResponse>, Refusal> {
    match answer {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(e) => reject(e).map(Err),
    }
}

pub fn topology(network: &Network) -> Topology {
    let subnets = network.topology().into_iter().map(|subnet| {
        let config = SubnetConfig {
            subnet_kind: kind(&subnet.kind),
            subnet_admins: None,
            cost_schedule: cost_schedule(&subnet.kind),
            // The protocol wants a seed that differs for each subnet. localnet derives nothing from
            // it.
            subnet_seed: Sha256::digest(subnet.id.as_slice()).into(),
            instruction_config: SubnetInstructionConfig::Production,
            canister_ranges: subnet
                .canister_ranges
                .into_iter()
                .map(|(start, end)| CanisterIdRange {
                    start: start.into(),
                    end: end.into(),
                })
                .collect(),
        };
        (subnet.id, config)
    });
    Topology {
        subnet_configs: subnets.collect(),
        default_effective_canister_id: network.default_effective_canister_id().into(),
    }
}

fn kind(kind: &replica::SubnetKind) -> SubnetKind {
    match kind {
        replica::SubnetKind::Application => SubnetKind::Application,
        replica::SubnetKind::Bitcoin => SubnetKind::Bitcoin,
        replica::SubnetKind::CloudEngine => SubnetKind::CloudEngine,
        replica::SubnetKind::Fiduciary => SubnetKind::Fiduciary,
        replica::SubnetKind::Ii => SubnetKind::II,
        replica::SubnetKind::Nns => SubnetKind::NNS,
        replica::SubnetKind::Sns => SubnetKind::SNS,
        replica::SubnetKind::System => SubnetKind::System,
        replica::SubnetKind::VerifiedApplication => SubnetKind::VerifiedApplication,
    }
}

fn cost_schedule(kind: &replica::SubnetKind) -> CanisterCyclesCostSchedule {
    match kind {
        replica::SubnetKind::CloudEngine => CanisterCyclesCostSchedule::Free,
        _ => CanisterCyclesCostSchedule::Normal,
    }
}

/// The subnet whose key is the network's root key: the NNS, or the first subnet without one.
pub fn root_subnet(network: &Network) -> Option<Principal> {
    let subnets = network.topology();
    subnets
        .iter()
        .find(|subnet| kind(&subnet.kind) == SubnetKind::NNS)
        .or(subnets.first())
        .map(|subnet| subnet.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw_call(sender: Vec<u8>, effective_principal: RawEffectivePrincipal) -> RawCanisterCall {
        RawCanisterCall {
            sender,
            canister_id: vec![],
            effective_principal,
            method: "m".to_string(),
            payload: vec![1],
            sender_info: None,
        }
    }

    #[test]
    fn a_call_with_an_invalid_principal_is_refused() {
        let good = call(raw_call(vec![4], RawEffectivePrincipal::None)).expect("is well-formed");
        assert_eq!(good.sender, Principal::anonymous());
        assert_eq!(good.canister, Principal::management_canister());
        assert_eq!(good.effective, None);
        let long = RawEffectivePrincipal::CanisterId(vec![0; 30]);
        for bad in [
            raw_call(vec![0; 30], RawEffectivePrincipal::None),
            raw_call(vec![4], long),
        ] {
            let refusal = call(bad).expect_err("30 bytes are no principal");
            assert_eq!(refusal.status, axum::http::StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn a_reject_without_a_known_code_is_a_refusal() {
        let of = |code, error_code| {
            reject(Reject {
                code,
                error_code,
                message: "too \"large\"".to_string(),
                certified: true,
            })
        };
        assert_eq!(
            of(5, 503).expect("is known").error_code,
            ErrorCode::CanisterCalledTrap
        );
        let refusal = of(5, 0).expect_err("0 is no error code");
        assert_eq!(refusal.message, r#"BadIngressMessage("too \"large\"")"#);
    }
}
