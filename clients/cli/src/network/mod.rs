//! The network: which one, in whose name, and the calls of the gateway.

pub mod call;
pub mod clocks;
pub mod error;
pub mod gateway;
pub mod identity;
pub mod load;
pub mod options;
pub mod refused;
