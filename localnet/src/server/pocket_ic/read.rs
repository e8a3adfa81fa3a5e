//! The operations that only read an instance.

use super::json_body::Body;
use super::state::Server;
use super::target::Target;
use super::types;
use crate::replica::IngressStatus;
use crate::server::refusal::Refusal;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use pocket_ic::common::rest::{
    RawCanisterCall, RawCanisterHttpRequest, RawCanisterId, RawCanisterResult, RawCycles,
    RawIngressStatusArgs, RawPrincipalId, RawStableMemory, RawSubnetId, RawTime,
};

pub fn routes() -> Router<Server> {
    Router::new()
        .route("/query", post(query))
        .route("/ingress_status", post(ingress_status))
        .route("/topology", get(topology))
        .route("/get_time", get(get_time))
        .route("/get_cycles", post(get_cycles))
        .route("/get_stable_memory", post(get_stable_memory))
        .route("/get_subnet", post(get_subnet))
        .route("/get_controllers", post(get_controllers))
        .route("/pub_key", post(pub_key))
        .route("/get_canister_http", get(get_canister_http))
}

async fn query(target: Target, Body(raw): Body<RawCanisterCall>) -> Response {
    target
        .run("query", |live| {
            let answer = live.network.query(types::call(raw)?);
            types::answer(answer).map(RawCanisterResult::from)
        })
        .await
}

/// Null while the message has no answer. If the request names a caller, it must be the message's
/// sender (else 403).
async fn ingress_status(target: Target, Body(args): Body<RawIngressStatusArgs>) -> Response {
    target
        .run("ingress_status", move |live| {
            let id = types::message_id(&args.raw_message_id)?;
            let caller = args
                .raw_caller
                .map(|caller| types::principal(&caller.principal_id, "the caller"))
                .transpose()?;
            if let (Some(caller), Some(sender)) = (caller, live.senders.get(&id))
                && caller != *sender
            {
                return Err(Refusal::forbidden(
                    "The user tries to access Request ID not signed by the caller.",
                ));
            }
            match live.network.status(&id) {
                IngressStatus::Unknown | IngressStatus::Pending => Ok(None),
                IngressStatus::Done(answer) => {
                    types::answer(answer).map(|answer| Some(RawCanisterResult::from(answer)))
                }
            }
        })
        .await
}

pub async fn topology(target: Target) -> Response {
    target
        .run("topology", |live| Ok(types::topology(&live.network)))
        .await
}

async fn get_time(target: Target) -> Response {
    target
        .run("get_time", |live| {
            Ok(RawTime {
                nanos_since_epoch: live.network.time(),
            })
        })
        .await
}

async fn get_cycles(target: Target, Body(raw): Body<RawCanisterId>) -> Response {
    target
        .run("get_cycles", move |live| {
            let canister = types::canister(&raw)?;
            let balance = live.network.cycle_balance(canister);
            let cycles = balance.ok_or_else(|| types::no_canister(canister))?;
            Ok(RawCycles { cycles })
        })
        .await
}

async fn get_stable_memory(target: Target, Body(raw): Body<RawCanisterId>) -> Response {
    target
        .run("get_stable_memory", move |live| {
            let canister = types::canister(&raw)?;
            let bytes = live.network.stable_memory(canister);
            let blob = bytes.ok_or_else(|| types::no_canister(canister))?;
            Ok(RawStableMemory { blob })
        })
        .await
}

/// Null if the canister doesn't exist, even if its id is in a subnet's range: clients ask this to
/// find out whether it exists.
async fn get_subnet(target: Target, Body(raw): Body<RawCanisterId>) -> Response {
    target
        .run("get_subnet", move |live| {
            let canister = types::canister(&raw)?;
            let subnet = live
                .network
                .canister_exists(canister)
                .then(|| live.network.subnet_of(canister))
                .flatten();
            Ok(subnet.map(RawSubnetId::from))
        })
        .await
}

async fn get_controllers(target: Target, Body(raw): Body<RawCanisterId>) -> Response {
    target
        .run("get_controllers", move |live| {
            let canister = types::canister(&raw)?;
            let controllers = live.network.controllers(canister);
            let controllers = controllers.ok_or_else(|| types::no_canister(canister))?;
            Ok(controllers
                .into_iter()
                .map(RawPrincipalId::from)
                .collect::<Vec<_>>())
        })
        .await
}

/// The root key in DER, by the id of the root subnet. Other subnets have no key of their own.
async fn pub_key(target: Target, Body(raw): Body<RawSubnetId>) -> Response {
    target
        .run("pub_key", move |live| {
            let subnet = types::principal(&raw.subnet_id, "the subnet id")?;
            if !live.network.topology().iter().any(|s| s.id == subnet) {
                return Err(Refusal::bad_request(format!("SubnetNotFound({subnet})")));
            }
            if types::root_subnet(&live.network) != Some(subnet) {
                return Err(Refusal::not_supported(
                    "keys of subnets other than the root subnet",
                ));
            }
            Ok(live.network.root_key())
        })
        .await
}

/// Always empty, because canisters can't make HTTP outcalls here.
async fn get_canister_http(target: Target) -> Response {
    target
        .run("get_canister_http", |_| {
            Ok(Vec::<RawCanisterHttpRequest>::new())
        })
        .await
}
