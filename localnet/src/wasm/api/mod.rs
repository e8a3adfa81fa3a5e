//! The functions of the module `ic0`, the System API.
//!
//! Each function checks that the kind of message allows it, charges its instructions, and then acts
//! on the host. The IC interface specification has the table of allowed calls.
//!
//! This folder may use `host` and the types below it, `memory`, and the layer `prices`.

mod call;
mod certified;
mod context;
mod cycles;
mod define;
mod environment;
mod identity;
mod message;
mod modes;
mod print;
mod stable;

pub use context::Pointer;
pub use define::define;
