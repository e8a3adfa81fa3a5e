//! The costs and the memory traffic of canisters. They serve measurements, not decisions.

use crate::prices;
use crate::wasm::Run;
use serde::Serialize;

/// The costs of one canister since its creation, or since someone cleared the statistics.
///
/// Queries cost nothing. Only the fields that begin with `query_` include them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Cycles for messages from outside, management calls included.
    pub ingress_cycles: u128,
    /// The number of paid runs: methods, callbacks, timers and heartbeats.
    pub executions: u64,
    /// Cycles for the fixed price of these runs.
    pub execution_cycles: u128,
    /// Instructions of these runs, first writes to memory pages included. Each costs a cycle.
    pub instructions: u64,
    /// The most instructions of a single one of these runs.
    pub largest_execution: u64,
    /// Cycles for calls to other canisters, by the bytes of request and answer.
    pub call_cycles: u128,
    /// Bytes that were appended to such calls. The instructions include the work of appending.
    pub appended_bytes: u64,
    /// Cycles for storage and compute allocation.
    pub storage_cycles: u128,
    /// Cycles for installing code and for the chunk store, without their ingress messages.
    pub management_cycles: u128,
    /// Bytes that the System API read from stable memory, in failed runs too.
    pub stable_read_bytes: u64,
    /// Bytes that the System API wrote to stable memory, in failed runs too.
    pub stable_written_bytes: u64,
    /// Bytes of the written pages of 4 KiB, in the heap and in stable memory. Each message counts
    /// its pages again, and failed runs write none. Chunks of modules count as well. The limit of a
    /// round counts the same bytes.
    pub dirtied_bytes: u64,
    /// Instructions of queries and their callbacks, failed ones too. They are free.
    pub query_instructions: u64,
    /// Bytes that the System API read from stable memory in these queries.
    pub query_stable_read_bytes: u64,
}

impl Statistics {
    /// Counts the traffic of a run, even of one that failed.
    pub(super) fn touched(&mut self, run: &Run) {
        self.appended_bytes += run.host.appended_bytes;
        self.stable_read_bytes += run.host.stable_read_bytes;
        self.stable_written_bytes += run.host.stable_written_bytes;
        let instructions = run.instructions + run.hidden_instructions;
        self.largest_execution = self.largest_execution.max(instructions);
    }

    /// Counts a part of a query, even one that failed.
    pub(super) fn queried(&mut self, run: &Run) {
        self.query_instructions += run.instructions + run.hidden_instructions;
        self.query_stable_read_bytes += run.host.stable_read_bytes;
    }

    /// Counts a paid run and its instructions.
    pub(super) fn executed(&mut self, instructions: u128) {
        self.executions += 1;
        self.execution_cycles += prices::UPDATE_BASE;
        self.instructions += instructions as u64;
    }
}
