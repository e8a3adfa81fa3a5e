//! Reasons why a module cannot be installed.

use crate::wasm::advice::{TOOLCHAIN, help};

/// The reason why a module cannot be installed, with the IC's error code and texts.
#[derive(Clone, Debug)]
pub struct ModuleError {
    pub code: u64,
    pub text: String,
    pub advice: Option<String>,
}

impl ModuleError {
    /// An error of the toolchain that made the module.
    pub fn invalid(what: impl std::fmt::Display) -> Self {
        Self {
            code: 505,
            text: format!("Canister's Wasm module is not valid: {what}"),
            advice: Some(TOOLCHAIN.into()),
        }
    }

    /// An error that the module's author can avoid. `section` is the one of the page on execution
    /// errors.
    pub fn avoidable(what: impl std::fmt::Display, suggestion: &str, section: &str) -> Self {
        Self {
            advice: Some(help(suggestion, section)),
            ..Self::invalid(what)
        }
    }

    pub fn engine(what: impl std::fmt::Display) -> Self {
        Self {
            code: 521,
            text: format!("Canister encountered a Wasm engine error: {what}"),
            advice: None,
        }
    }
}
