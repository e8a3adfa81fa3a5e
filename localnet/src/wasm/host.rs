//! The state behind the System API for one run: its inputs and its effects.

use super::fault::Fault;
use super::funds::Funds;
use super::memory::Mapping;
use super::mode::Mode;
use super::outgoing::{OutgoingCall, Response};
use super::stable_access::TouchedPages;
use crate::prices;
use candid::Principal;
use std::sync::{Arc, LazyLock};
use wasmtime::{Global, Instance, Memory};

/// Signs a certificate.
pub type Certify = Box<dyn FnOnce() -> Vec<u8> + Send>;

/// The parts of an instance that system functions use.
#[derive(Clone, Copy)]
pub struct Parts {
    pub counter: Global,
    pub memory: Option<Memory>,
}

/// Everything that one run reads and changes besides its memories.
pub struct Host {
    pub mode: Mode,
    pub canister: Principal,
    pub subnet: Principal,
    pub caller: Principal,
    pub controllers: Vec<Principal>,
    pub arg: Vec<u8>,
    pub method: String,
    /// In nanoseconds since 1970.
    pub time: u64,
    pub version: u64,
    /// 1 is running, 2 is stopping, 3 is stopped.
    pub status: u32,
    pub environment: Vec<(String, String)>,
    pub root_key: Vec<u8>,
    /// Signed when the query asks for it.
    pub certificate: Option<LazyLock<Vec<u8>, Certify>>,
    /// In nanoseconds since 1970; 0 without a deadline.
    pub deadline: u64,
    pub reject_code: u32,
    pub reject_message: String,
    pub cycles_available: u128,
    pub cycles_refunded: u128,
    /// Instructions of the same call context before this run.
    pub former_instructions: u64,
    pub already_answered: bool,
    pub reply_limit: usize,
    pub instruction_limit: u64,
    pub wasm_memory_limit: Option<u64>,
    /// How many more requests each callee's queue takes.
    pub free_slots: Box<dyn Fn(&Principal) -> usize + Send>,
    pub funds: Funds,
    /// The timer before this run, in nanoseconds since 1970.
    pub timer: Option<u64>,

    // The effects of the run.
    pub reply_data: Vec<u8>,
    pub response: Option<Response>,
    /// The call under construction.
    pub call: Option<OutgoingCall>,
    pub calls: Vec<OutgoingCall>,
    pub accepted_cycles: u128,
    pub certified_data: Option<Vec<u8>>,
    /// The timer that the run set, in nanoseconds since 1970; 0 clears it.
    pub new_timer: Option<u64>,
    pub logs: Vec<Vec<u8>>,
    pub accepted_message: bool,
    pub stable_touched: TouchedPages,
    // Bytes, for the statistics.
    pub stable_read_bytes: u64,
    pub stable_written_bytes: u64,
    pub appended_bytes: u64,

    // The running instance.
    pub stable: Option<Arc<Mapping>>,
    pub parts: Option<Parts>,
    pub instance: Option<Instance>,
    /// In bytes. `None` until the instance is ready; from then on growth costs cycles.
    pub heap_size: Option<u64>,
}

impl Host {
    pub fn new(mode: Mode, canister: Principal) -> Self {
        Self {
            mode,
            canister,
            subnet: Principal::management_canister(),
            caller: Principal::management_canister(),
            controllers: vec![],
            arg: vec![],
            method: String::new(),
            time: 0,
            version: 0,
            status: 1,
            environment: vec![],
            root_key: vec![],
            certificate: None,
            deadline: 0,
            reject_code: 0,
            reject_message: String::new(),
            cycles_available: 0,
            cycles_refunded: 0,
            former_instructions: 0,
            already_answered: false,
            reply_limit: prices::MAX_REPLY,
            instruction_limit: prices::UPDATE_INSTRUCTIONS,
            wasm_memory_limit: None,
            free_slots: Box::new(|_| prices::MAX_CALLS_TO_ONE),
            funds: Funds::default(),
            timer: None,
            reply_data: vec![],
            response: None,
            call: None,
            calls: vec![],
            accepted_cycles: 0,
            certified_data: None,
            new_timer: None,
            logs: vec![],
            accepted_message: false,
            stable_touched: TouchedPages::default(),
            stable_read_bytes: 0,
            stable_written_bytes: 0,
            appended_bytes: 0,
            stable: None,
            parts: None,
            instance: None,
            heap_size: None,
        }
    }

    /// Fails if the mode is none of `allowed`.
    pub fn allow(&self, function: &str, allowed: &[Mode]) -> Result<(), Fault> {
        if allowed.contains(&self.mode) {
            return Ok(());
        }
        Err(Fault::Misuse {
            what: format!(
                "\"ic0_{function}\" cannot be executed in {} mode",
                self.mode.name()
            ),
            suggestion: "Check the ICP documentation to make sure APIs are being called in the \
                correct message types.",
            section: "calling-a-system-api-from-the-wrong-mode",
        })
    }

    /// The cycles that the canister may spend: its balance above the freezing reserve.
    pub fn liquid(&self) -> u128 {
        let memory =
            self.heap_size.unwrap_or(0) + self.stable.as_ref().map_or(0, |s| s.size()) as u64;
        self.funds
            .balance
            .saturating_sub(self.funds.freezing_reserve(memory))
    }

    /// Drops the call under construction and returns its cycles to the balance.
    pub fn drop_call(&mut self) {
        if let Some(call) = self.call.take() {
            self.funds.balance += call.cycles;
        }
    }

    pub fn answered(&self) -> bool {
        self.already_answered || self.response.is_some()
    }
}
