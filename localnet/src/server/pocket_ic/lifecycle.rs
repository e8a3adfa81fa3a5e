//! Lists, creates and deletes instances.

use super::config;
use super::graph::state_label;
use super::json_body::Body;
use super::progress;
use super::state::Server;
use super::target::Target;
use super::types;
use crate::server::instances::instance::Instance;
use crate::server::instances::live_network::LiveNetwork;
use crate::server::instances::registry::Instances;
use crate::server::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use pocket_ic::common::rest::{CreateInstanceResponse, InstanceConfig, InstanceId, Topology};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// One word for each instance ever created, in the order of their ids.
pub async fn list(State(instances): State<Instances>) -> Json<Vec<String>> {
    let words = instances.all().into_iter().map(|place| match place {
        None => "Deleted".to_string(),
        Some(instance) => match instance.current() {
            Some(operation) => format!("Busy({operation})"),
            None => "Available".to_string(),
        },
    });
    Json(words.collect())
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
            None => LiveNetwork::new(network),
            Some(folder) => LiveNetwork::open(&folder, network),
        };
        let live = live.map_err(Refusal::bad_request)?;
        let topology = types::topology(&live.network);
        Ok((live, topology))
    });
    let (live, topology) = made
        .await
        .map_err(|e| Refusal::internal(format!("localnet failed to make the network: {e}")))??;
    let instance = server.instances.add(live);
    if let Some(config) = auto_progress
        && let Err(refusal) = instance.start_progress(progress::delay(&config)).await
    {
        // the client never learns this instance's id
        dispose(&server, instance);
        return Err(refusal);
    }
    Ok((instance.id, topology))
}

/// Answers at once. The network's memory is freed after the operation that still runs on it.
pub async fn delete(target: Target) -> Json<()> {
    dispose(&target.server, target.instance);
    Json(())
}

fn dispose(server: &Server, instance: Arc<Instance>) {
    server.instances.remove(instance.id);
    server.graph.forget(&state_label(instance.id));
    tokio::spawn(async move { instance.free().await });
}
