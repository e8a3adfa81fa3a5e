//! The unfinished uploads of all users, as the gateway's public metrics tell them.

use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use candid::CandidType;
use serde::Deserialize;
use serde_bytes::ByteBuf;

/// A request of HTTP, as canisters get it.
#[derive(CandidType)]
struct Request {
    method: &'static str,
    url: &'static str,
    headers: Vec<(String, String)>,
    body: ByteBuf,
}

#[derive(CandidType, Deserialize)]
struct Response {
    body: ByteBuf,
}

impl Gateway {
    /// Whether all users together, or all new ones, have as many unfinished uploads as they may.
    /// `None` if the metrics don't tell.
    pub async fn is_busy(&self) -> Result<Option<bool>, CallError> {
        let request = Request {
            method: "GET",
            url: "/metrics",
            headers: Vec::new(),
            body: ByteBuf::new(),
        };
        let call = self.call("the gateway's metrics", "http_request", (request,));
        let response: Response = self.caller.plain_query(call).await?;
        Ok(is_busy(&String::from_utf8_lossy(&response.body)))
    }
}

fn is_busy(metrics: &str) -> Option<bool> {
    let value = |name: &str| -> Option<f64> {
        let mut lines = metrics.lines();
        let found = lines.find_map(|line| line.strip_prefix(name))?;
        found.split_whitespace().next()?.parse().ok()
    };
    let active = value("upload_gateway_sessions{state=\"pending\"}")?
        + value("upload_gateway_sessions{state=\"finishing\"}")?;
    let all = active >= value("upload_gateway_sessions_max ")?;
    // release 0.1.0 has no share of new users
    let new = value("upload_gateway_sessions_of_strangers ")
        .zip(value("upload_gateway_sessions_of_strangers_max "))
        .is_some_and(|(held, most)| held >= most);
    Some(all || new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(pending: u32, finishing: u32, strangers: u32) -> String {
        format!(
            "# TYPE upload_gateway_sessions gauge\n\
             upload_gateway_sessions{{state=\"pending\"}} {pending} 1\n\
             upload_gateway_sessions{{state=\"finishing\"}} {finishing} 1\n\
             upload_gateway_sessions{{state=\"committed\"}} 70 1\n\
             upload_gateway_sessions_max 10 1\n\
             upload_gateway_sessions_of_strangers {strangers} 1\n\
             upload_gateway_sessions_of_strangers_max 5 1\n"
        )
    }

    #[test]
    fn all_users_and_all_new_ones_have_a_limit() {
        for (pending, finishing, strangers, busy) in [
            (9, 0, 4, false),
            (9, 1, 4, true),
            (5, 0, 5, true),
            (0, 0, 0, false),
        ] {
            let text = metrics(pending, finishing, strangers);
            assert_eq!(is_busy(&text), Some(busy), "{text}");
        }
        let old = metrics(9, 1, 0).replace("strangers", "nobody");
        assert_eq!(is_busy(&old), Some(true));
        assert_eq!(is_busy("<html>"), None);
    }
}
