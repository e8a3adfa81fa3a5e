//! The settings of a canister.

use crate::prices;
use candid::Principal;
use ic_management_canister_types::LogVisibility;

#[derive(Clone, Debug)]
pub struct Settings {
    pub controllers: Vec<Principal>,
    /// In percent.
    pub compute_allocation: u64,
    /// In bytes; 0 is best effort.
    pub memory_allocation: u64,
    /// In seconds.
    pub freezing_threshold: u64,
    /// In cycles.
    pub reserved_cycles_limit: u128,
    pub log_visibility: LogVisibility,
    /// In bytes; 0 is no limit.
    pub wasm_memory_limit: u64,
    /// In bytes. The low-memory hook runs when fewer bytes remain below the limit.
    pub wasm_memory_threshold: u64,
    /// Names and values of the environment variables.
    pub environment: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            controllers: vec![],
            compute_allocation: 0,
            memory_allocation: 0,
            freezing_threshold: 2_592_000,
            reserved_cycles_limit: prices::RESERVED_CYCLES_LIMIT,
            log_visibility: LogVisibility::Controllers,
            wasm_memory_limit: prices::WASM_MEMORY_LIMIT,
            wasm_memory_threshold: 0,
            environment: vec![],
        }
    }
}
