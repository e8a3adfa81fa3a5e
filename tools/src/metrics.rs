//! Reads `/metrics` of a canister, as Prometheus does.

use crate::deployment::{Deployment, Part};
use candid::{CandidType, Decode, Deserialize, Encode, Principal};
use pocket_ic::PocketIc;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

#[derive(CandidType)]
struct Request<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(String, String)>,
    body: ByteBuf,
}

#[derive(CandidType, Deserialize)]
struct Response {
    status_code: u16,
    headers: Vec<(String, String)>,
    body: ByteBuf,
}

/// Sends a GET request; returns the status and the body.
pub fn get(deployment: &Deployment, part: Part, url: &str) -> Result<(u16, String), String> {
    let answer = get_from(&deployment.pic, deployment.id(part), url);
    answer.map_err(|e| format!("{}: {e}", part.name()))
}

/// The same of any canister.
pub fn get_from(pic: &PocketIc, canister: Principal, url: &str) -> Result<(u16, String), String> {
    let request = Request {
        method: "GET",
        url,
        headers: vec![("host".into(), "localhost".into())],
        body: ByteBuf::new(),
    };
    let arg = Encode!(&request).expect("BUG: a request is Candid");
    let anybody = Principal::anonymous();
    let reply = pic
        .query_call(canister, anybody, "http_request", arg)
        .map_err(|e| format!("it does not serve HTTP: {e}"))?;
    let response = Decode!(&reply, Response).map_err(|e| e.to_string())?;
    if response.headers.is_empty() {
        return Err("the response has no headers".into());
    }
    let body = String::from_utf8(response.body.into_vec()).map_err(|e| e.to_string())?;
    Ok((response.status_code, body))
}

/// Reads the samples by name and labels.
///
/// # Errors
/// When a sample has no time, comes twice, or doesn't follow the `# TYPE` of its name.
pub fn metrics(deployment: &Deployment, part: Part) -> Result<BTreeMap<String, f64>, String> {
    let (status, body) = get(deployment, part, "/metrics")?;
    if status != 200 {
        return Err(format!("status {status}, expected 200: {body}"));
    }
    let mut samples = BTreeMap::new();
    let mut described = "";
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# TYPE ") {
            described = comment.split(' ').next().unwrap_or_default();
        } else if !line.starts_with('#') {
            let bad = || format!("the line is `{line}`, expected a sample of {described}");
            let mut words = line.rsplitn(3, ' ');
            let time = words.next().and_then(|word| word.parse::<u64>().ok());
            let value = words.next().and_then(|word| word.parse::<f64>().ok());
            let name = words.next().filter(|name| name.starts_with(described));
            let (name, value) = name.zip(value).ok_or_else(bad)?;
            let fresh = samples.insert(name.to_string(), value).is_none();
            if !fresh || time.is_none() {
                return Err(bad());
            }
        }
    }
    Ok(samples)
}
