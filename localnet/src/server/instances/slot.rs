//! The place of one network in a server: the network, or why there is none any more.

use super::live_network::LiveNetwork;
use crate::server::refusal::Refusal;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The content of an instance's lock.
pub enum Slot {
    Live(Box<LiveNetwork>),
    /// An operation panicked. The network's state may be inconsistent, so it answers nothing any
    /// more.
    Failed(String),
    Deleted,
}

impl Slot {
    /// Runs `operation` on the live network. If it panics, the slot fails.
    ///
    /// # Errors
    ///
    /// Passes the operation's own refusal on. Refuses with 404 if the instance was deleted, and
    /// with 500 if an operation panicked, this one or an earlier one.
    pub fn perform<T>(
        &mut self,
        operation: impl FnOnce(&mut LiveNetwork) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let live = match self {
            Self::Live(live) => live,
            Self::Failed(reason) => {
                return Err(Refusal::internal(format!(
                    "this instance failed in an earlier operation and is unusable: {reason}"
                )));
            }
            Self::Deleted => return Err(Refusal::not_found("this instance was deleted")),
        };
        catch_unwind(AssertUnwindSafe(|| operation(live))).unwrap_or_else(|panic| {
            let reason = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or("a panic without a message".to_string());
            *self = Self::Failed(reason.clone());
            Err(Refusal::internal(format!(
                "localnet failed in this operation: {reason}"
            )))
        })
    }
}
