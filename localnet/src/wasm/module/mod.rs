//! Modules of canisters: checked, instrumented, compiled, and cached by their hash.

mod compiled;
mod error;
mod surface;

pub use compiled::CompiledModule;
pub use surface::MethodKind;
