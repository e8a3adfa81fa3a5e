//! The server-wide endpoints of the protocol that localnet does not have, each answering so in the form its client reads.

use super::Server;
use super::error::Refusal;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use pocket_ic::common::rest::{CreateHttpGatewayResponse, HttpGatewayDetails};

pub fn routes() -> Router<Server> {
    let gateways = get(list).post(create);
    Router::new()
        .route("/http_gateway", gateways.clone())
        .route("/http_gateway/", gateways)
        .route("/http_gateway/{id}/stop", post(stop))
        .route("/verify_signature", post(verify_signature))
}

/// None was ever created.
async fn list() -> Json<Vec<HttpGatewayDetails>> {
    Json(Vec::new())
}

async fn create() -> (StatusCode, Json<CreateHttpGatewayResponse>) {
    let Refusal { status, message } = Refusal::not_built("HTTP gateways");
    (status, Json(CreateHttpGatewayResponse::Error { message }))
}

async fn stop() -> Refusal {
    Refusal::not_found("there is no such HTTP gateway: localnet has not built HTTP gateways")
}

/// The client reads a plain result here.
async fn verify_signature() -> (StatusCode, Json<Result<(), String>>) {
    let Refusal { status, message } = Refusal::not_built("the verification of canister signatures");
    (status, Json(Err(message)))
}
