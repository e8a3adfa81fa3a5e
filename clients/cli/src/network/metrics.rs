//! The public metrics of a canister, in Prometheus' text format.

use crate::network::call::{Call, Caller};
use crate::network::error::CallError;
use candid::{CandidType, encode_one};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::time::Duration;

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

/// Values by their names, with the labels that belong to them.
#[derive(Debug, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Caller {
    /// Asks the canister for its metrics, which everybody may read.
    pub async fn metrics(&self, what: String, patience: Duration) -> Result<Metrics, CallError> {
        let request = Request {
            method: "GET",
            url: "/metrics",
            headers: Vec::new(),
            body: ByteBuf::new(),
        };
        let call = Call {
            what,
            method: "http_request",
            arg: encode_one(request).expect("BUG: a request is Candid"),
            patience,
        };
        let response: Response = self.plain_query(call).await?;
        Ok(Metrics::parse(&String::from_utf8_lossy(&response.body)))
    }
}

impl Metrics {
    /// Reads the lines that have a name and a value. Lines of another form are left out.
    pub fn parse(text: &str) -> Self {
        let values = text.lines().filter(|line| !line.starts_with('#'));
        let values = values.filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, value) = (words.next()?, words.next()?);
            Some((name.to_string(), value.parse().ok()?))
        });
        Self(values.collect())
    }

    /// The value of this name, labels included.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The same as a whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.value(name).map(|value| value as u64)
    }

    /// The values of a name with one label, by the label's value.
    pub fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let opening = format!("{name}{{{label}=\"");
        let labelled = self.0.iter().filter_map(|(name, value)| {
            let label = name.strip_prefix(&opening)?.strip_suffix("\"}")?;
            Some((label.to_string(), *value as u64))
        });
        labelled.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_names_and_labels() {
        let metrics = Metrics::parse(
            "# HELP x_jobs Jobs.\n# TYPE x_jobs gauge\nx_jobs{kind=\"digest\"} 3 1700\n\
             x_jobs{kind=\"trash\"} 0 1700\nx_jobs_queued 3 1700\nnoise\nx_odd NaN?\n",
        );
        assert_eq!(metrics.number("x_jobs_queued"), Some(3));
        assert_eq!(metrics.value("x_jobs{kind=\"digest\"}"), Some(3.0));
        assert_eq!(metrics.value("x_odd"), None);
        assert_eq!(metrics.value("# TYPE"), None);
        let jobs = metrics.by_label("x_jobs", "kind");
        let expected = [("digest".to_string(), 3), ("trash".to_string(), 0)];
        assert_eq!(jobs, BTreeMap::from(expected));
    }
}
