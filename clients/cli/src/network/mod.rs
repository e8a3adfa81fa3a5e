//! The network: which one, in whose name, and the calls of the canisters.

pub mod call;
pub mod canister;
pub mod clocks;
pub mod error;
pub mod gateway;
pub mod identity;
pub mod load;
pub mod metrics;
pub mod operating;
pub mod options;
pub mod refused;
