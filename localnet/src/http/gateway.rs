//! HTTP gateways: ports at which one instance is served as agents and browsers expect it. `/api/...` is the IC HTTP
//! interface; everything else goes to the canister that the host's name or `?canisterId=` says.

use super::error::Refusal;
use super::extract::Body;
use super::{Server, canister_http, ic};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use pocket_ic::common::rest::{
    CreateHttpGatewayResponse, HttpGatewayBackend, HttpGatewayConfig, HttpGatewayDetails,
    HttpGatewayInfo, InstanceId,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower_http::cors::{Any, CorsLayer};

/// All gateways of a server by their ids, which count up from 0; a stopped one leaves its place empty.
#[derive(Default)]
pub struct Gateways(Mutex<Vec<Option<Gateway>>>);

struct Gateway {
    details: HttpGatewayDetails,
    task: JoinHandle<()>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn routes() -> Router<Server> {
    let gateways = get(list).post(create);
    Router::new()
        .route("/http_gateway", gateways.clone())
        .route("/http_gateway/", gateways)
        .route("/http_gateway/{id}/stop", post(stop))
        .route("/verify_signature", post(verify_signature))
}

/// Pages of any origin may call canisters.
pub fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers(Any)
}

async fn list(State(server): State<Server>) -> Json<Vec<HttpGatewayDetails>> {
    let gateways = server.gateways.lock();
    Json(
        gateways
            .iter()
            .flatten()
            .map(|g| g.details.clone())
            .collect(),
    )
}

/// The client reads a refusal in the form of this answer, whatever its HTTP status.
async fn create(
    State(server): State<Server>,
    body: Result<Body<HttpGatewayConfig>, Refusal>,
) -> (StatusCode, Json<CreateHttpGatewayResponse>) {
    let created = match body {
        Ok(Body(config)) => open(&server, config).await,
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

async fn open(server: &Server, config: HttpGatewayConfig) -> Result<HttpGatewayInfo, Refusal> {
    let HttpGatewayBackend::PocketIcInstance(instance) = config.forward_to else {
        return Err(Refusal::not_built("HTTP gateways in front of replicas"));
    };
    if config.https_config.is_some() {
        return Err(Refusal::not_built("HTTP gateways with TLS"));
    }
    server.instances.get(instance)?;
    let address: IpAddr = match &config.ip_addr {
        None => Ipv4Addr::LOCALHOST.into(),
        Some(text) => text
            .parse()
            .map_err(|e| Refusal::bad_request(format!("{text:?} is no IP address: {e}")))?,
    };
    let address = SocketAddr::new(address, config.port.unwrap_or(0));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| Refusal::bad_request(format!("cannot listen at {address}: {e}")))?;
    let port = listener
        .local_addr()
        .map_err(|e| Refusal::internal(format!("the listener has no address: {e}")))?
        .port();
    let router = Router::new()
        .fallback(forward)
        .layer(cors())
        .with_state((server.clone(), instance));
    let task = tokio::spawn(async move {
        if let Err(e) = axum::serve(listener, router).await {
            eprintln!("the HTTP gateway at port {port} failed: {e}");
        }
    });
    let details = HttpGatewayDetails {
        instance_id: 0,
        port,
        forward_to: config.forward_to,
        domains: config.domains,
        https_config: None,
    };
    let id = server.gateways.add(details, task);
    Ok(HttpGatewayInfo {
        instance_id: id,
        port,
    })
}

impl Gateways {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<Gateway>>> {
        self.0
            .lock()
            .expect("BUG: a holder of the gateways panicked")
    }

    fn add(&self, mut details: HttpGatewayDetails, task: JoinHandle<()>) -> InstanceId {
        let mut all = self.lock();
        details.instance_id = all.len();
        all.push(Some(Gateway { details, task }));
        all.len() - 1
    }
}

async fn forward(
    State((server, instance)): State<(Server, InstanceId)>,
    request: Request,
) -> Response {
    let instance = match server.instances.get(instance) {
        Ok(instance) => instance,
        Err(refusal) => return ic::plain(refusal),
    };
    let path = request.uri().path().to_string();
    match path.starts_with("/api/") {
        true => ic::serve(instance, &path, request).await,
        false => canister_http::serve(instance, request).await,
    }
}

async fn stop(
    State(server): State<Server>,
    Path(id): Path<InstanceId>,
) -> Result<Json<()>, Refusal> {
    let stopped = server.gateways.lock().get_mut(id).and_then(Option::take);
    match stopped {
        Some(_) => Ok(Json(())),
        None => Err(Refusal::not_found(format!("there is no HTTP gateway {id}"))),
    }
}

/// The client reads a plain result here.
async fn verify_signature() -> (StatusCode, Json<Result<(), String>>) {
    let Refusal { status, message } = Refusal::not_built("the verification of canister signatures");
    (status, Json(Err(message)))
}
