//! Reasons why a module cannot be installed.

/// The reason why a module cannot be installed, with the IC's error code and text.
#[derive(Clone, Debug)]
pub struct ModuleError {
    pub code: u64,
    pub text: String,
}

impl ModuleError {
    pub fn invalid(what: impl std::fmt::Display) -> Self {
        Self {
            code: 505,
            text: format!("Canister's Wasm module is not valid: {what}"),
        }
    }
    pub fn engine(what: impl std::fmt::Display) -> Self {
        Self {
            code: 521,
            text: format!("Canister encountered a Wasm engine error: {what}"),
        }
    }
}
