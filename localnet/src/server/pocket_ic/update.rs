//! The operations that change an instance.

use super::json_body::Body;
use super::state::Server;
use super::target::Target;
use super::types;
use crate::replica::{IngressStatus, MessageId};
use crate::server::instances::live_network::LiveNetwork;
use crate::server::refusal::Refusal;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use pocket_ic::RejectResponse;
use pocket_ic::common::rest::{
    RawAddCycles, RawCanisterCall, RawCanisterResult, RawCycles, RawMessageId, RawSetStableMemory,
    RawTickConfigs, RawTime,
};

/// How many rounds run until an answer must be there. The official server has the same limit.
const MAX_ROUNDS: usize = 100;

pub fn routes() -> Router<Server> {
    Router::new()
        .route("/submit_ingress_message", post(submit))
        .route("/await_ingress_message", post(await_answer))
        .route("/tick", post(tick))
        .route("/set_time", post(set_time))
        .route("/set_certified_time", post(set_time))
        .route("/add_cycles", post(add_cycles))
        .route("/set_stable_memory", post(set_stable_memory))
        .route(
            "/mock_canister_http",
            not_supported("canister HTTP outcalls"),
        )
        .route(
            "/mock_flexible_canister_http",
            not_supported("canister HTTP outcalls"),
        )
        .route(
            "/canister_snapshot_download",
            not_supported("the download of canister snapshots"),
        )
        .route(
            "/canister_snapshot_upload",
            not_supported("the upload of canister snapshots"),
        )
        .route("/delete_subnet", not_supported("the deletion of subnets"))
}

fn not_supported(what: &'static str) -> axum::routing::MethodRouter<Server> {
    post(async move |_: Target| Refusal::not_supported(what).into_response())
}

async fn submit(target: Target, Body(raw): Body<RawCanisterCall>) -> Response {
    let instance = target.instance.clone();
    let response = target
        .run("submit_ingress_message", move |live| {
            let effective_principal = raw.effective_principal.clone();
            let call = types::call(raw)?;
            let submitted: Result<RawMessageId, RejectResponse> = match live.submit(call, None)? {
                Ok(id) => {
                    let message_id = id.0.to_vec();
                    Ok(RawMessageId {
                        effective_principal,
                        message_id,
                    })
                }
                Err(reject) => Err(types::reject(reject)?),
            };
            Ok(submitted)
        })
        .await;
    instance.wake();
    response
}

async fn await_answer(target: Target, Body(raw): Body<RawMessageId>) -> Response {
    target
        .run("await_ingress_message", move |live| {
            run_until_answered(live, &types::message_id(&raw)?)
        })
        .await
}

fn run_until_answered(
    live: &mut LiveNetwork,
    id: &MessageId,
) -> Result<RawCanisterResult, Refusal> {
    for _ in 0..MAX_ROUNDS {
        match live.network.status(id) {
            IngressStatus::Done(answer) => {
                return types::answer(answer).map(RawCanisterResult::from);
            }
            IngressStatus::Unknown => {
                return Err(types::bad_ingress(&format!(
                    "There is no ingress message 0x{}.",
                    hex::encode(id.0)
                )));
            }
            IngressStatus::Pending => live.tick()?,
        }
    }
    Err(types::bad_ingress(&format!(
        "Failed to answer to ingress 0x{} after {MAX_ROUNDS} rounds.",
        hex::encode(id.0)
    )))
}

async fn tick(target: Target, Body(configs): Body<RawTickConfigs>) -> Response {
    target
        .run("tick", move |live| {
            if configs.blockmakers.is_some() {
                return Err(Refusal::not_supported("ticks with chosen block makers"));
            }
            live.tick()
        })
        .await
}

/// Also sets the certified time: localnet certifies its latest state, so both times are the same.
async fn set_time(target: Target, Body(time): Body<RawTime>) -> Response {
    target
        .run("set_time", move |live| {
            let now = live.network.time();
            let new = time.nanos_since_epoch;
            if new < now {
                return Err(Refusal::bad_request(format!(
                    "SettingTimeIntoPast(({now}, {new}))"
                )));
            }
            live.set_time(new)
        })
        .await
}

async fn add_cycles(target: Target, Body(raw): Body<RawAddCycles>) -> Response {
    target
        .run("add_cycles", move |live| {
            let canister = types::principal(&raw.canister_id, "the canister id")?;
            let balance = live.add_cycles(canister, raw.amount)?;
            let cycles = balance.ok_or_else(|| types::no_canister(canister))?;
            Ok(RawCycles { cycles })
        })
        .await
}

async fn set_stable_memory(target: Target, Body(raw): Body<RawSetStableMemory>) -> Response {
    let server = target.server.clone();
    target
        .run("set_stable_memory", move |live| {
            let canister = types::principal(&raw.canister_id, "the canister id")?;
            if !live.network.canister_exists(canister) {
                return Err(types::no_canister(canister));
            }
            let bytes = server.blobs.plain(&raw.blob_id)?;
            live.set_stable_memory(canister, bytes.to_vec())
        })
        .await
}
