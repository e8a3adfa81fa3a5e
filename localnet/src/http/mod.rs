//! The PocketIC server's REST protocol over the core: requests in, core operations, answers out. `ic` and `gateway` serve
//! an instance to agents and browsers.
//!
//! The protocol is the public types of `pocket_ic::common::rest`. Nothing here decides what a canister does; this layer
//! keeps the instances apart, runs their operations off the async threads, and says plainly what localnet does not have.

mod blobs;
mod canister_http;
mod config;
mod error;
mod extract;
mod gateway;
mod graph;
mod ic;
mod instances;
mod journal;
mod lifecycle;
mod live;
mod operations;
mod progress;
mod read;
mod statistics;
mod types;
mod update;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, Uri};
use axum::response::IntoResponse;
use axum::routing::{any, delete, get, post};
use blobs::{BlobStore, MAX_BLOB_BYTES};
use error::Refusal;
use extract::Target;
use gateway::Gateways;
use graph::Graph;
use instances::Instances;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The largest JSON request in bytes. Arguments are base64 in it; the core refuses what exceeds the network's own limits.
const MAX_JSON_BYTES: usize = 256 << 20;

/// What all requests share: the instances, the uploaded blobs, and the answers that clients still poll for.
#[derive(Clone, Default)]
struct Server(Arc<Shared>);

#[derive(Default)]
struct Shared {
    instances: Instances,
    blobs: BlobStore,
    graph: Graph,
    gateways: Gateways,
}

impl std::ops::Deref for Server {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// All routes of a new server without instances.
pub fn router() -> Router {
    let blobstore = post(blobs::upload).layer(DefaultBodyLimit::max(MAX_BLOB_BYTES));
    let instances = get(lifecycle::list).post(lifecycle::create);
    Router::new()
        .route("/status", get(async || "localnet is running"))
        .route("/instances", instances.clone())
        .route("/instances/", instances)
        .route("/instances/{id}", delete(lifecycle::delete))
        .route("/instances/{id}/", delete(lifecycle::delete))
        .nest("/instances/{id}/read", read::routes())
        .nest("/instances/{id}/update", update::routes())
        .route("/instances/{id}/_/topology", get(read::topology))
        .route(
            "/instances/{id}/localnet/statistics",
            get(statistics::read).delete(statistics::clear),
        )
        .route(
            "/instances/{id}/auto_progress",
            get(progress::enabled).post(progress::start),
        )
        .route("/instances/{id}/stop_progress", post(progress::stop))
        .route(
            "/instances/{id}/api/{*path}",
            any(agents).layer(gateway::cors()),
        )
        .route("/read_graph/{state_label}/{op_id}", get(graph::read))
        .route("/prune_graph/{state_label}/{op_id}", delete(graph::prune))
        .route("/blobstore", blobstore.clone())
        .route("/blobstore/", blobstore)
        .merge(gateway::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .with_state(Server::default())
}

/// Answers the requests that reach `listener`, until the future is dropped.
///
/// # Errors
///
/// When the listener itself fails.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    axum::serve(listener, router()).await
}

/// The IC HTTP interface of one instance.
async fn agents(target: Target, request: Request) -> impl IntoResponse {
    let path = request.uri().path();
    let path = path
        .find("/api/")
        .map_or(path, |at| &path[at..])
        .to_string();
    ic::serve(target.instance, &path, request).await
}

async fn unknown(method: Method, uri: Uri) -> impl IntoResponse {
    Refusal::not_found(format!("localnet has no endpoint {method} {}", uri.path()))
}
