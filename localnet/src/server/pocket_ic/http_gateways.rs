//! The endpoints of HTTP gateways, and the one for the verification of signatures, which localnet
//! doesn't support.

use super::json_body::Body;
use crate::server::gateway::ports::{Details, Gateways};
use crate::server::instances::registry::Instances;
use crate::server::refusal::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use pocket_ic::common::rest::{
    CreateHttpGatewayResponse, HttpGatewayBackend, HttpGatewayConfig, HttpGatewayDetails,
    HttpGatewayInfo, InstanceId,
};
use std::net::IpAddr;

pub async fn list(State(gateways): State<Gateways>) -> Json<Vec<HttpGatewayDetails>> {
    let details = gateways.list().into_iter().map(|gateway| {
        let Details {
            id,
            port,
            instance,
            domains,
        } = gateway;
        HttpGatewayDetails {
            instance_id: id,
            port,
            forward_to: HttpGatewayBackend::PocketIcInstance(instance),
            domains,
            https_config: None,
        }
    });
    Json(details.collect())
}

/// The client reads a refusal in the form of this answer, whatever its HTTP status.
pub async fn create(
    State(instances): State<Instances>,
    State(gateways): State<Gateways>,
    body: Result<Body<HttpGatewayConfig>, Refusal>,
) -> (StatusCode, Json<CreateHttpGatewayResponse>) {
    let created = match body {
        Ok(Body(config)) => open(instances, &gateways, config).await,
        Err(refusal) => Err(refusal),
    };
    match created {
        Ok(info) => (
            StatusCode::CREATED,
            Json(CreateHttpGatewayResponse::Created(info)),
        ),
        Err(Refusal { status, message }) => {
            (status, Json(CreateHttpGatewayResponse::Error { message }))
        }
    }
}

async fn open(
    instances: Instances,
    gateways: &Gateways,
    config: HttpGatewayConfig,
) -> Result<HttpGatewayInfo, Refusal> {
    let HttpGatewayBackend::PocketIcInstance(instance) = config.forward_to else {
        return Err(Refusal::not_supported("HTTP gateways in front of replicas"));
    };
    if config.https_config.is_some() {
        return Err(Refusal::not_supported("HTTP gateways with TLS"));
    }
    instances.get(instance)?;
    let parse = |text: &String| {
        text.parse::<IpAddr>().map_err(|e| {
            Refusal::bad_request(format!("ip_addr is {text:?}, expected an IP address: {e}"))
        })
    };
    let ip = config.ip_addr.as_ref().map(parse).transpose()?;
    let address = (ip, config.port.unwrap_or(0));
    let opened = gateways.open(address, instances, instance, config.domains);
    let Details { id, port, .. } = opened.await?;
    Ok(HttpGatewayInfo {
        instance_id: id,
        port,
    })
}

pub async fn stop(
    State(gateways): State<Gateways>,
    Path(id): Path<InstanceId>,
) -> Result<Json<()>, Refusal> {
    match gateways.close(id).await {
        true => Ok(Json(())),
        false => Err(Refusal::not_found(format!("there is no HTTP gateway {id}"))),
    }
}

/// The client reads a refusal as a plain result here.
pub async fn verify_signature() -> (StatusCode, Json<Result<(), String>>) {
    let Refusal { status, message } =
        Refusal::not_supported("the verification of canister signatures");
    (status, Json(Err(message)))
}
