//! All paths of a server and the endpoints that they lead to.

use super::blobs::{self, MAX_BLOB_BYTES};
use super::state::Server;
use super::target::Target;
use super::{graph, http_gateways, lifecycle, process, progress, read, statistics, update};
use crate::server::agents;
use crate::server::gateway::forward::cors;
use crate::server::refusal::Refusal;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::{any, delete, get, post};

/// The largest JSON request in bytes. It holds arguments in base64; the network checks its own,
/// lower limits.
const MAX_JSON_BYTES: usize = 256 << 20;

/// All routes of a new server without instances.
pub fn router() -> Router {
    let blobstore = post(blobs::upload).layer(DefaultBodyLimit::max(MAX_BLOB_BYTES));
    let instances = get(lifecycle::list).post(lifecycle::create);
    let gateways = get(http_gateways::list).post(http_gateways::create);
    Router::new()
        .route("/status", get(async || "localnet is running"))
        .route("/localnet/process", get(process::read))
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
        .route("/instances/{id}/api/{*path}", any(api).layer(cors()))
        .route("/read_graph/{state_label}/{op_id}", get(graph::read))
        .route("/prune_graph/{state_label}/{op_id}", delete(graph::prune))
        .route("/blobstore", blobstore.clone())
        .route("/blobstore/", blobstore)
        .route("/http_gateway", gateways.clone())
        .route("/http_gateway/", gateways)
        .route("/http_gateway/{id}/stop", post(http_gateways::stop))
        .route("/verify_signature", post(http_gateways::verify_signature))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .with_state(Server::default())
}

/// The IC HTTP interface of one instance.
async fn api(target: Target, request: Request) -> Response {
    let path = request.uri().path();
    let path = path
        .find("/api/")
        .map_or(path, |at| &path[at..])
        .to_string();
    agents::serve(target.instance, &path, request).await
}

async fn unknown(method: Method, uri: Uri) -> Refusal {
    Refusal::not_found(format!("localnet has no endpoint {method} {}", uri.path()))
}
