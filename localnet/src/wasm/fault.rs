//! Reasons why a run ends early, with the error codes and texts of the IC.

use super::advice::{TOOLCHAIN, help};
use crate::prices::cycles;
use candid::Principal;

/// The reason why a run did not return. The effects of such a run are rolled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `ic0.trap`, with the canister's text.
    Called(String),
    /// A WebAssembly trap, with its name on the IC.
    Trapped(&'static str),
    /// The canister used the System API in a way that no correct toolchain allows.
    Contract(String),
    /// The canister used the System API in a way that its author must avoid. `suggestion` may be
    /// empty; `section` is the one of the page on execution errors.
    Misuse {
        what: String,
        suggestion: &'static str,
        section: &'static str,
    },
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
    /// A memory cannot grow beyond the memory allocation.
    OutOfMemory,
    /// The run touched too much stable memory.
    StableAccess,
    /// The run wrote too much stable memory.
    StableWrites,
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
            Fault::Contract(_)
            | Fault::Misuse { .. }
            | Fault::InvalidPrincipal
            | Fault::OutOfCycles => 504,
            Fault::OutOfMemory => 507,
            Fault::InstructionLimit(_) => 522,
            Fault::GrowCycles { .. } => 532,
            Fault::ReservedCycles { .. } => 534,
            Fault::MemoryLimit { .. } => 539,
            Fault::StableAccess | Fault::StableWrites => 524,
            Fault::NoFunction(_) => 513,
            Fault::Engine(_) => 521,
        }
    }

    /// The advice that the IC adds to the text, if it has any.
    pub fn advice(&self) -> Option<String> {
        const HANDLE: &str = "Consider gracefully handling failures from this canister or altering \
            the canister to handle exceptions.";
        let (suggestion, section) = match self {
            Fault::Called(_) => (HANDLE, "trapped-explicitly"),
            Fault::Trapped(_) => (HANDLE, "trapped"),
            Fault::Misuse {
                suggestion,
                section,
                ..
            } => (*suggestion, *section),
            Fault::InstructionLimit(_) => (
                "Try optimizing this method to consume fewer instructions or split the work across \
                 multiple messages.",
                "instruction-limit-exceeded",
            ),
            Fault::GrowCycles { .. } => (
                "Try topping up the canister.",
                "insufficient-cycles-in-memory-grow",
            ),
            Fault::ReservedCycles { .. } => (
                "Try increasing the canister's reserved cycles limit.",
                "reserved-cycles-limit-exceeded-in-memory-grow",
            ),
            Fault::MemoryLimit { .. } => (
                "Try checking the canister for a possible memory leak or modifying it to use more \
                 stable memory instead of Wasm memory.",
                "wasm-memory-limit-exceeded",
            ),
            Fault::OutOfMemory => (
                "Check the canister's memory usage against its allocation and the system wide \
                 limits to determine why more memory cannot be allocated.",
                "out-of-memory",
            ),
            Fault::StableAccess | Fault::StableWrites => (
                "Try optimizing the use of stable memory so that individual messages don't need to \
                 access as much stable memory.",
                "memory-access-limit-exceeded",
            ),
            Fault::Contract(_) | Fault::InvalidPrincipal | Fault::NoFunction(_) => {
                return Some(TOOLCHAIN.into());
            }
            Fault::OutOfCycles | Fault::Engine(_) => return None,
        };
        (!suggestion.is_empty()).then(|| help(suggestion, section))
    }

    /// The IC's text, without the part that names the canister.
    pub fn text(&self, canister: Principal) -> String {
        match self {
            Fault::Called(text) => format!("Canister called `ic0.trap` with message: '{text}'"),
            Fault::Trapped(kind) => format!("Canister trapped: {kind}"),
            Fault::Contract(what) | Fault::Misuse { what, .. } => {
                format!("Canister violated contract: {what}")
            }
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
            Fault::StableWrites => {
                "Canister exceeded memory access limits: Exceeded the limit for the number of \
                 modified pages in the stable memory in a single execution: limit 2097152 KB for \
                 regular messages, 8388608 KB for upgrade messages and 1048576 KB for queries."
                    .into()
            }
            Fault::OutOfMemory => "Canister cannot grow its memory usage.".into(),
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
