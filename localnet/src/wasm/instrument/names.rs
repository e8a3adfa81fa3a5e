//! The names of the exports that instrumentation adds.

/// All exports that instrumentation adds begin with this.
const PREFIX: &str = "localnet:";
pub const COUNTER: &str = "localnet:counter";
pub const MEMORY: &str = "localnet:memory";
pub const TABLE: &str = "localnet:table";
pub const START: &str = "localnet:start";

/// The export name of the mutable global with this index.
pub fn global_export(index: u32) -> String {
    format!("{PREFIX}global {index}")
}
