//! What canisters paid for and how much stable memory they touched: for measuring, never for a decision.

use crate::prices;
use crate::wasm::Run;
use serde::Serialize;

/// What one canister spent since it was created or since the statistics were last cleared. Queries cost nothing and
/// are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Messages from outside, management calls included: cycles.
    pub ingress_cycles: u128,
    /// Runs of methods, callbacks, timers and heartbeats that were paid for.
    pub executions: u64,
    /// The fixed price of these: cycles.
    pub execution_cycles: u128,
    /// What they executed, first writes to memory pages included; each instruction costs a cycle.
    pub instructions: u64,
    /// The most instructions that a single one of them took.
    pub largest_execution: u64,
    /// Fees of calls to other canisters, by the bytes of request and answer: cycles.
    pub call_cycles: u128,
    /// Bytes that were appended to such calls; appending is a part of the instructions.
    pub appended_bytes: u64,
    /// Storage and compute allocation: cycles.
    pub storage_cycles: u128,
    /// Installing code and the chunk store, without their ingress: cycles.
    pub management_cycles: u128,
    /// Bytes that the System API read from stable memory and wrote to it, those of failed runs included.
    pub stable_read_bytes: u64,
    pub stable_written_bytes: u64,
}

impl Statistics {
    /// What a run touched, whatever became of it.
    pub(super) fn touched(&mut self, run: &Run) {
        self.appended_bytes += run.host.appended_bytes;
        self.stable_read_bytes += run.host.stable_read_bytes;
        self.stable_written_bytes += run.host.stable_written_bytes;
        let instructions = run.instructions + run.hidden_instructions;
        self.largest_execution = self.largest_execution.max(instructions);
    }

    /// The fixed price of an execution, and what it executed.
    pub(super) fn executed(&mut self, instructions: u128) {
        self.executions += 1;
        self.execution_cycles += prices::UPDATE_BASE;
        self.instructions += instructions as u64;
    }
}
