//! Modules of canisters: checked, instrumented, compiled, and cached by their hash.
//!
//! This folder may use `instrument`, `advice`, `engine` and `linker`.

mod compiled;
mod error;
mod surface;

pub use compiled::CompiledModule;
pub use error::ModuleError;
pub use surface::MethodKind;
