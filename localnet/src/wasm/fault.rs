//! Reasons why a run ends early, with the error codes and texts of the IC.

use crate::prices::cycles;
use candid::Principal;

/// The reason why a run did not return. The effects of such a run are rolled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `ic0.trap`, with the canister's text.
    Called(String),
    /// A WebAssembly trap, with its name on the IC.
    Trapped(&'static str),
    /// The canister used the System API in a way that is not allowed.
    Contract(String),
    InstructionLimit(u64),
    InvalidPrincipal,
    OutOfCycles,
    /// Too few cycles to grow a memory by `bytes`.
    GrowCycles {
        bytes: u64,
        missing: u128,
    },
    /// Growing would reserve more cycles than the settings allow.
    ReservedCycles {
        bytes: u64,
        limit: u128,
        wanted: u128,
    },
    MemoryLimit {
        limit: u64,
        wanted: u64,
    },
    StableAccess,
    /// The table has no function for a callback.
    NoFunction(u64),
    Engine(String),
}

impl Fault {
    /// The error code of the IC. Its hundreds are the reject code.
    pub fn error_code(&self) -> u64 {
        match self {
            Fault::Called(_) => 503,
            Fault::Trapped(_) => 502,
            Fault::Contract(_) | Fault::InvalidPrincipal | Fault::OutOfCycles => 504,
            Fault::InstructionLimit(_) => 522,
            Fault::GrowCycles { .. } => 532,
            Fault::ReservedCycles { .. } => 534,
            Fault::MemoryLimit { .. } => 539,
            Fault::StableAccess => 524,
            Fault::NoFunction(_) => 513,
            Fault::Engine(_) => 521,
        }
    }

    /// The advice that the IC adds to the text. Only explicit traps have one.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Fault::Called(_) => Some(
                "Consider gracefully handling failures from this canister or altering the canister \
                 to handle exceptions. See documentation: \
                 https://internetcomputer.org/docs/current/references/\
                 execution-errors#trapped-explicitly",
            ),
            _ => None,
        }
    }

    /// The IC's text, without the part that names the canister.
    pub fn text(&self, canister: Principal) -> String {
        match self {
            Fault::Called(text) => format!("Canister called `ic0.trap` with message: '{text}'"),
            Fault::Trapped(kind) => format!("Canister trapped: {kind}"),
            Fault::Contract(what) => format!("Canister violated contract: {what}"),
            Fault::InstructionLimit(limit) => format!(
                "Canister exceeded the limit of {limit} instructions for single message execution."
            ),
            Fault::InvalidPrincipal => "Canister provided invalid principal id".into(),
            Fault::OutOfCycles => format!("Canister {canister} is out of cycles"),
            Fault::GrowCycles { bytes, missing } => format!(
                "Canister cannot grow memory by {bytes} bytes due to insufficient cycles. At least \
                 {} additional cycles are required.",
                cycles(*missing)
            ),
            Fault::ReservedCycles {
                bytes,
                limit,
                wanted,
            } => format!(
                "Canister cannot grow memory by {bytes} bytes due to its reserved cycles limit. \
                 The current limit ({}) would be exceeded by {}.",
                cycles(*limit),
                cycles(wanted.saturating_sub(*limit))
            ),
            Fault::MemoryLimit { limit, wanted } => format!(
                "Canister exceeded its current Wasm memory limit of {limit} bytes. The peak Wasm \
                 memory usage was {wanted} bytes. If the canister reaches 4GiB, then it may stop \
                 functioning and may become unrecoverable. Please reach out to the canister owner \
                 to investigate the reason for the increased memory usage. It might be necessary \
                 to move data from the Wasm memory to the stable memory. If such high Wasm memory \
                 usage is expected and safe, then the developer can increase the Wasm memory limit \
                 in the canister settings."
            ),
            Fault::StableAccess => {
                "Canister exceeded memory access limits: Exceeded the limit for the number of \
                 accessed pages in the stable memory in a single message execution: limit \
                 2097152 KB for regular messages and 1048576 KB for queries."
                    .into()
            }
            Fault::NoFunction(index) => format!(
                "Canister requested to invoke a non-existent Wasm function {index} from table 0"
            ),
            Fault::Engine(what) => format!("Canister encountered a Wasm engine error: {what}"),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Principal::management_canister()))
    }
}

impl std::error::Error for Fault {}
