//! Sends a request to what its path names: `/api/...` is the IC HTTP interface, everything else
//! belongs to a canister.

use super::canister_http;
use crate::server::agents;
use crate::server::instances::instance::InstanceId;
use crate::server::instances::registry::Instances;
use axum::extract::{Request, State};
use axum::response::Response;
use tower_http::cors::{Any, CorsLayer};

/// Lets pages of any origin call canisters.
pub fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers(Any)
}

pub async fn forward(
    State((instances, instance)): State<(Instances, InstanceId)>,
    request: Request,
) -> Response {
    let instance = match instances.get(instance) {
        Ok(instance) => instance,
        Err(refusal) => return refusal.into_plain_text(),
    };
    let path = request.uri().path().to_string();
    match path.starts_with("/api/") {
        true => agents::serve(instance, &path, request).await,
        false => canister_http::serve(instance, request).await,
    }
}
