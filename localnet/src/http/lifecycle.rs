//! Instances as a client sees them: list, create, delete.

use super::Server;
use super::config;
use super::error::Refusal;
use super::extract::{Body, Target};
use super::instances::{Instance, Slot};
use super::live::Live;
use super::types;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use pocket_ic::common::rest::{CreateInstanceResponse, InstanceConfig, InstanceId, Topology};
use std::sync::Arc;
use tokio::task::spawn_blocking;

pub async fn list(State(server): State<Server>) -> Json<Vec<String>> {
    Json(server.instances.states())
}

/// The client reads a refusal in the form of this answer, whatever its HTTP status.
pub async fn create(
    State(server): State<Server>,
    body: Result<Body<InstanceConfig>, Refusal>,
) -> (StatusCode, Json<CreateInstanceResponse>) {
    let created = match body {
        Ok(Body(config)) => new_instance(server, config).await,
        Err(refusal) => Err(refusal),
    };
    match created {
        Ok((instance_id, topology)) => {
            let http_gateway_info = None;
            let created = CreateInstanceResponse::Created {
                instance_id,
                topology,
                http_gateway_info,
            };
            (StatusCode::CREATED, Json(created))
        }
        Err(Refusal { status, message }) => {
            (status, Json(CreateInstanceResponse::Error { message }))
        }
    }
}

async fn new_instance(
    server: Server,
    config: InstanceConfig,
) -> Result<(InstanceId, Topology), Refusal> {
    let config::Converted {
        network,
        auto_progress,
        state,
    } = config::convert(config).map_err(Refusal::bad_request)?;
    let made = spawn_blocking(move || {
        let live = match state {
            None => Live::new(network),
            Some(folder) => Live::open(&folder, network),
        };
        let live = live.map_err(Refusal::bad_request)?;
        let topology = types::topology(&live.network);
        Ok((live, topology))
    });
    let (live, topology) = made
        .await
        .map_err(|e| Refusal::internal(format!("localnet failed to make the network: {e}")))??;
    let instance = server.instances.add(live);
    if let Some(progress) = auto_progress
        && let Err(refusal) = instance.start_progress(&progress).await
    {
        // the client never learns this instance's id
        dispose(&server, instance);
        return Err(refusal);
    }
    Ok((instance.id, topology))
}

/// Answers at once; an operation that still runs on the instance ends first, then its memory is freed.
pub async fn delete(target: Target) -> Json<()> {
    dispose(&target.server, target.instance);
    Json(())
}

fn dispose(server: &Server, instance: Arc<Instance>) {
    server.instances.remove(instance.id);
    server.graph.forget(&instance.state_label());
    tokio::spawn(async move {
        instance.stop_progress().await;
        let mut slot = instance.slot.clone().lock_owned().await;
        spawn_blocking(move || *slot = Slot::Deleted)
            .await
            .unwrap_or_else(|e| eprintln!("an instance could not be freed: {e}"));
    });
}
