//! WebAssembly and the System API: modules, memory, metering, and the run of one entry point.
//!
//! This layer knows no rounds, queues or other canisters. A run gets its inputs in a [`Host`] and
//! leaves its effects there and in a [`Workspace`], which the caller commits or drops.
//! It may use `prices` and nothing else of this crate.

mod advice;
mod api;
mod engine;
mod fault;
mod funds;
mod growth;
mod handover;
mod host;
mod instrument;
mod linker;
mod memory;
mod mode;
mod module;
mod outgoing;
mod run;
mod stable_access;
mod state;

pub use advice::{advised, help};
pub use engine::THREAD_STACK_BYTES;
pub use fault::Fault;
pub use funds::Funds;
pub use host::{Certify, Host};
pub use memory::{Image, STABLE_MAX};
pub use mode::Mode;
pub use module::{CompiledModule, MethodKind, ModuleError};
pub use outgoing::{Closure, OutgoingCall, Response};
pub use run::{Entry, Run, read_globals, run};
pub use state::{State, Workspace};
