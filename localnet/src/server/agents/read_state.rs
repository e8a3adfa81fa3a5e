//! Reads of the certified state, and who may read which part of it.

use super::cbor::cbor;
use super::envelope::{Message, open};
use crate::replica::{MessageId, Path};
use crate::server::instances::instance::Instance;
use crate::server::instances::live_network::LiveNetwork;
use crate::server::refusal::Refusal;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use candid::Principal;
use ic_transport_types::{EnvelopeContent, ReadStateResponse};
use std::sync::Arc;

const MAX_PATHS: usize = 1_000;
const MAX_LABELS: usize = 127;

pub async fn read_state(
    instance: &Arc<Instance>,
    effective: Principal,
    body: Bytes,
) -> Result<Response, Refusal> {
    let certificate = instance.with(move |live| read(live, effective, &body));
    let certificate = certificate.await?;
    Ok(cbor(StatusCode::OK, &ReadStateResponse { certificate }))
}

fn read(live: &mut LiveNetwork, effective: Principal, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let Message { content, .. } = open(body, live.network.time())?;
    let EnvelopeContent::ReadState { sender, paths, .. } = content else {
        return Err(Refusal::bad_request(
            "the message is of another kind, expected a read_state",
        ));
    };
    if paths.len() > MAX_PATHS || paths.iter().any(|path| path.len() > MAX_LABELS) {
        return Err(Refusal::bad_request(format!(
            "the message has {} paths, expected at most {MAX_PATHS} of at most {MAX_LABELS} labels",
            paths.len()
        )));
    }
    let paths: Vec<Path> = paths
        .iter()
        .map(|path| path.iter().map(|label| label.as_bytes().to_vec()).collect())
        .collect();
    for path in &paths {
        check(live, effective, sender, path)?;
    }
    Ok(live.network.read_state(effective, &paths))
}

/// Checks that `sender` may read what is at `path`, and that the request's own path allows it.
///
/// # Errors
///
/// Refuses with 400 if there is no such path here, and with 403 if others may read it but not
/// `sender`.
fn check(
    live: &LiveNetwork,
    effective: Principal,
    sender: Principal,
    path: &Path,
) -> Result<(), Refusal> {
    let labels: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
    match labels.as_slice() {
        [b"time"] | [b"subnet", ..] | [b"canister_ranges", ..] | [b"api_boundary_nodes", ..] => {
            Ok(())
        }
        [b"request_status", id, ..] => {
            let id = <[u8; 32]>::try_from(*id).map_err(|_| {
                Refusal::bad_request(format!(
                    "the request id has {} bytes, expected 32",
                    id.len()
                ))
            })?;
            match live.senders.get(&MessageId(id)) {
                Some(owner) if *owner != sender => Err(Refusal::forbidden(
                    "The user tries to access Request ID not signed by the caller.",
                )),
                _ => Ok(()),
            }
        }
        [
            b"canister",
            id,
            b"module_hash" | b"controllers" | b"metadata",
            ..,
        ] if *id != effective.as_slice() => Err(Refusal::bad_request(format!(
            "a path is about another canister, expected {effective}, which the URL names"
        ))),
        [b"canister", _, b"module_hash" | b"controllers"] => Ok(()),
        [b"canister", _, b"metadata", name] => {
            let name = String::from_utf8_lossy(name);
            let network = &live.network;
            let controllers = network.controllers(effective).unwrap_or_default();
            match network.metadata_is_public(effective, &name) {
                Some(false) if !controllers.contains(&sender) => Err(Refusal::forbidden(format!(
                    "Custom section {name:.100} can only be requested \
                     by the controllers of the canister."
                ))),
                _ => Ok(()),
            }
        }
        _ => Err(Refusal::bad_request(
            "Invalid path requested, expected time, subnet, canister_ranges, request_status/<id>, \
             or of a canister module_hash, controllers or metadata/<name>",
        )),
    }
}
