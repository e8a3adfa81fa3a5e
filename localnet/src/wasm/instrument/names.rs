//! The names of the exports that instrumentation adds.

/// Begins the names of all exports that instrumentation adds.
pub const PREFIX: &str = "localnet:";
pub const COUNTER: &str = "localnet:counter";
pub const MEMORY: &str = "localnet:memory";
pub const TABLE: &str = "localnet:table";
pub const START: &str = "localnet:start";

/// The name under which the mutable global of this number is exported.
pub fn global_export(index: u32) -> String {
    format!("{PREFIX}global {index}")
}
