//! Reads the statistics of localnet, an endpoint beside PocketIC's protocol.

use crate::http;
use pocket_ic::PocketIc;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Instructions that the platform charges for each byte appended to a call.
pub const APPEND_INSTRUCTIONS: u128 = 50;

/// The costs of one canister since the last reset. The statistics of localnet explain each field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    pub ingress_cycles: u128,
    pub executions: u64,
    pub execution_cycles: u128,
    pub instructions: u64,
    pub largest_execution: u64,
    pub call_cycles: u128,
    pub appended_bytes: u64,
    pub storage_cycles: u128,
    pub management_cycles: u128,
    pub stable_read_bytes: u64,
    pub stable_written_bytes: u64,
    pub dirtied_bytes: u64,
    pub query_instructions: u64,
    pub query_stable_read_bytes: u64,
}

impl Statistics {
    /// The fees of calls, and the instructions that append their bytes.
    pub fn relay_cycles(&self) -> u128 {
        self.call_cycles + APPEND_INSTRUCTIONS * u128::from(self.appended_bytes)
    }

    /// The costs of the code itself: neither a fee by the byte nor the appending of bytes.
    pub fn computing_cycles(&self) -> u128 {
        (self.execution_cycles + u128::from(self.instructions))
            .saturating_sub(APPEND_INSTRUCTIONS * u128::from(self.appended_bytes))
    }

    /// Cycles of all messages and calls, without storage, installation and chunk store.
    pub fn cycles(&self) -> u128 {
        self.ingress_cycles + self.relay_cycles() + self.computing_cycles()
    }
}

impl AddAssign<&Statistics> for Statistics {
    fn add_assign(&mut self, other: &Statistics) {
        self.ingress_cycles += other.ingress_cycles;
        self.executions += other.executions;
        self.execution_cycles += other.execution_cycles;
        self.instructions += other.instructions;
        self.largest_execution = self.largest_execution.max(other.largest_execution);
        self.call_cycles += other.call_cycles;
        self.appended_bytes += other.appended_bytes;
        self.storage_cycles += other.storage_cycles;
        self.management_cycles += other.management_cycles;
        self.stable_read_bytes += other.stable_read_bytes;
        self.stable_written_bytes += other.stable_written_bytes;
        self.dirtied_bytes += other.dirtied_bytes;
        self.query_instructions += other.query_instructions;
        self.query_stable_read_bytes += other.query_stable_read_bytes;
    }
}

/// Reads the statistics of all canisters on the network, by their ids as text.
///
/// # Errors
/// When the engine is not localnet: an official server has no such statistics.
pub fn read(pic: &PocketIc) -> Result<BTreeMap<String, Statistics>, String> {
    let response = request(pic, reqwest::Method::GET)?;
    response
        .json()
        .map_err(|e| format!("the engine's statistics cannot be read: {e}"))
}

/// Resets the statistics.
///
/// # Errors
/// As [`read`].
pub fn clear(pic: &PocketIc) -> Result<(), String> {
    request(pic, reqwest::Method::DELETE).map(|_| ())
}

#[derive(Deserialize)]
struct Process {
    peak_memory_bytes: u64,
}

/// The most memory that the engine's process ever had, in bytes. `None` if the engine isn't
/// localnet.
pub fn peak_memory(pic: &PocketIc) -> Option<u64> {
    let url = pic.get_server_url().join("localnet/process").ok()?;
    let response = http::client().get(url).send().ok()?;
    let process: Process = response.error_for_status().ok()?.json().ok()?;
    Some(process.peak_memory_bytes)
}

fn request(pic: &PocketIc, method: reqwest::Method) -> Result<reqwest::blocking::Response, String> {
    let path = format!("instances/{}/localnet/statistics", pic.instance_id());
    let url = pic
        .get_server_url()
        .join(&path)
        .map_err(|e| format!("the engine has no address: {e}"))?;
    let response = http::client()
        .request(method, url)
        .send()
        .map_err(|e| format!("the engine does not answer: {e}"))?;
    match response.status() {
        status if status.is_success() => Ok(response),
        status => Err(format!(
            "the engine has no statistics (HTTP {status}), expected localnet"
        )),
    }
}
