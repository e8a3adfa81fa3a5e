//! The unfinished uploads of all users, as the gateway's public metrics tell them.

use crate::network::error::CallError;
use crate::network::gateway::Gateway;
use crate::network::metrics::Metrics;

impl Gateway {
    /// Whether all users together, or all new ones, have as many unfinished uploads as they may.
    /// `None` if the metrics don't tell.
    pub async fn is_busy(&self) -> Result<Option<bool>, CallError> {
        let what = "the gateway's metrics".to_string();
        Ok(is_busy(&self.caller.metrics(what, self.patience).await?))
    }
}

fn is_busy(metrics: &Metrics) -> Option<bool> {
    let active = metrics.value("upload_gateway_sessions{state=\"pending\"}")?
        + metrics.value("upload_gateway_sessions{state=\"finishing\"}")?;
    let all = active >= metrics.value("upload_gateway_sessions_max")?;
    // release 0.1.0 has no share of new users
    let new = metrics
        .value("upload_gateway_sessions_of_strangers")
        .zip(metrics.value("upload_gateway_sessions_of_strangers_max"))
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

    fn busy(text: &str) -> Option<bool> {
        is_busy(&Metrics::parse(text))
    }

    #[test]
    fn all_users_and_all_new_ones_have_a_limit() {
        for (pending, finishing, strangers, expected) in [
            (9, 0, 4, false),
            (9, 1, 4, true),
            (5, 0, 5, true),
            (0, 0, 0, false),
        ] {
            let text = metrics(pending, finishing, strangers);
            assert_eq!(busy(&text), Some(expected), "{text}");
        }
        let old = metrics(9, 1, 0).replace("strangers", "nobody");
        assert_eq!(busy(&old), Some(true));
        assert_eq!(busy("<html>"), None);
    }
}
