//! `GET /metrics` in Prometheus' text format.
//!
//! The answer isn't certified, so HTTP gateways serve it on the raw domain. An operator who must be
//! sure of a figure asks by an update.

use crate::args::decode;
use crate::growth::{self, Observed, Reserve};
use candid::CandidType;
use ic_metrics_encoder::MetricsEncoder;
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::io;

/// The methods that `/metrics` answers.
const METHODS: [&str; 2] = ["GET", "HEAD"];

pub type Encoder = MetricsEncoder<Vec<u8>>;

/// The request of an HTTP gateway, with the fields that matter here.
#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct HttpRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: ByteBuf,
}

#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    pub status_code: u16,
    pub headers: Vec<(String, String)>,
    pub body: ByteBuf,
}

impl HttpResponse {
    fn text(status_code: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let header = |name: &str, value: &str| (name.to_string(), value.to_string());
        HttpResponse {
            status_code,
            headers: vec![
                header("Content-Type", content_type),
                header("Cache-Control", "no-store"),
                header("X-Content-Type-Options", "nosniff"),
            ],
            body: ByteBuf::from(body),
        }
    }

    fn plain(status_code: u16, body: &str) -> Self {
        Self::text(status_code, "text/plain; charset=utf-8", body)
    }

    fn method_not_allowed() -> Self {
        let body = format!("method not allowed, expected {}", METHODS.join(" or "));
        let mut response = Self::plain(405, &body);
        let allow = ("Allow".into(), METHODS.join(", "));
        response.headers.push(allow);
        response
    }
}

/// Decodes a request and answers it. The answer to an undecodable request is status 400.
pub fn answer(message: &[u8], respond: impl FnOnce(HttpRequest) -> HttpResponse) -> HttpResponse {
    match decode::<(HttpRequest,)>(message) {
        Ok((request,)) => respond(request),
        Err(error) => HttpResponse::plain(400, &error.to_string()),
    }
}

/// Serves the samples that `encode` writes as `/metrics`. `now`, in nanoseconds since 1970, is the
/// time of each sample. The answer to `HEAD` is that to `GET` without its body (RFC 9110, 9.3.2).
pub fn serve_metrics(
    request: &HttpRequest,
    now: u64,
    encode: impl FnOnce(&mut Encoder) -> io::Result<()>,
) -> HttpResponse {
    let mut response = get_metrics(request, now, encode);
    if request.method == "HEAD" {
        let bytes = response.body.len().to_string();
        response.headers.push(("Content-Length".into(), bytes));
        response.body.clear();
    }
    response
}

fn get_metrics(
    request: &HttpRequest,
    now: u64,
    encode: impl FnOnce(&mut Encoder) -> io::Result<()>,
) -> HttpResponse {
    let path = request.url.split(['?', '#']).next().unwrap_or_default();
    if path != "/metrics" {
        return HttpResponse::plain(404, "not found, expected /metrics");
    }
    if !METHODS.contains(&request.method.as_str()) {
        return HttpResponse::method_not_allowed();
    }
    let mut encoder = MetricsEncoder::new(Vec::new(), (now / 1_000_000) as i64);
    encode(&mut encoder).expect("BUG: a metric has an illegal name");
    HttpResponse::text(200, "text/plain; version=0.0.4", encoder.into_inner())
}

/// The metrics that every canister has: cycles and bytes, as `<prefix>_cycle_balance` and so on.
pub fn encode_platform(encoder: &mut Encoder, prefix: &str) -> io::Result<()> {
    let page = 65_536.0;
    for (name, value, help) in [
        (
            "cycle_balance",
            ic_cdk::api::canister_cycle_balance() as f64,
            "Cycles, including those below the freezing threshold.",
        ),
        (
            "liquid_cycles",
            ic_cdk::api::canister_liquid_cycle_balance() as f64,
            "Cycles above the freezing threshold.",
        ),
        (
            "stable_memory_bytes",
            ic_cdk::stable::stable_size() as f64 * page,
            "Bytes of stable memory, including free space.",
        ),
        (
            "heap_bytes",
            growth::heap_bytes() as f64,
            "Bytes of the heap (Wasm memory).",
        ),
    ] {
        encoder.encode_gauge(&format!("{prefix}_{name}"), value, help)?;
    }
    encode_growth(encoder, prefix)
}

/// The growth of stable memory. The reserve isn't there until the canister
/// grows, because a query can't ask for it.
fn encode_growth(encoder: &mut Encoder, prefix: &str) -> io::Result<()> {
    let Observed {
        room_bytes,
        refused,
        refusals,
        reserve,
    } = growth::observed();
    let gauge = |encoder: &mut Encoder, name: &str, value: f64, help: &str| {
        encoder.encode_gauge(&format!("{prefix}_{name}"), value, help)
    };
    let help = "Bytes of stable memory that are grown ahead and not in use.";
    gauge(encoder, "stable_room_bytes", room_bytes as f64, help)?;
    let help = "1 if the last attempt to grow stable memory was refused.";
    gauge(encoder, "growth_refused", u8::from(refused).into(), help)?;
    let name = format!("{prefix}_growth_refusals_total");
    let help = "Refused attempts to grow stable memory since the last upgrade.";
    encoder.encode_counter(&name, refusals as f64, help)?;
    let Some(Reserve {
        cycles,
        limit_cycles,
        memory_allocation,
    }) = reserve
    else {
        return Ok(());
    };
    let help = "Cycles reserved for storage, when stable memory last grew.";
    gauge(encoder, "reserved_cycles", cycles as f64, help)?;
    let help = "The setting reserved_cycles_limit, when stable memory last grew.";
    gauge(encoder, "reserved_cycles_limit", limit_cycles as f64, help)?;
    let help = "The setting memory_allocation in bytes (0: none), when stable memory last grew.";
    gauge(
        encoder,
        "memory_allocation_bytes",
        memory_allocation as f64,
        help,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(method: &str, url: &str) -> HttpResponse {
        let request = HttpRequest {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: ByteBuf::new(),
        };
        let message = candid::encode_one(request).unwrap();
        answer(&message, |request| {
            serve_metrics(&request, 5_000_000, |encoder| {
                encoder.encode_gauge("files", 3.0, "Files.")
            })
        })
    }

    #[test]
    fn metrics_are_served_where_prometheus_looks() {
        for url in ["/metrics", "/metrics?name[]=files"] {
            let served = get("GET", url);
            assert_eq!(served.status_code, 200);
            let text = String::from_utf8(served.body.into_vec()).unwrap();
            assert_eq!(text, "# HELP files Files.\n# TYPE files gauge\nfiles 3 5\n");
        }
        assert_eq!(get("GET", "/").status_code, 404);
        assert_eq!(get("GET", "").status_code, 404);
        let unread = answer(b"DIDL", |_| unreachable!("it can't be decoded"));
        assert_eq!(unread.status_code, 400);
    }

    #[test]
    fn head_is_answered_like_get_without_the_body() {
        for url in ["/metrics", "/"] {
            let (got, head) = (get("GET", url), get("HEAD", url));
            assert_eq!(head.status_code, got.status_code);
            assert!(head.body.is_empty() && !got.body.is_empty());
            let length = ("Content-Length".to_string(), got.body.len().to_string());
            assert_eq!(head.headers, [got.headers, vec![length]].concat());
        }
    }

    #[test]
    fn a_refused_method_is_told_the_allowed_ones() {
        for method in ["POST", "OPTIONS", "get", ""] {
            let refused = get(method, "/metrics");
            assert_eq!(refused.status_code, 405);
            let allow = ("Allow".to_string(), "GET, HEAD".to_string());
            assert!(refused.headers.contains(&allow));
        }
    }
}
