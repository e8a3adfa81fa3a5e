//! The ic0 System API on wasmtime: modules, memory, metering, and the run of one entry point.
//!
//! Nothing here knows of rounds, queues or other canisters: a run gets its inputs in a [`Host`] and leaves its effects
//! there, and in the [`Workspace`] whose pages the caller commits or drops.

pub mod api;
pub mod errors;
pub mod host;
pub mod instrument;
pub mod memory;
pub mod module;
pub mod runtime;
pub mod weights;

pub use errors::Fault;
pub use host::{Host, Mode};
pub use module::{CompiledModule, MethodKind};
pub use runtime::{Entry, Run, State, Workspace};
