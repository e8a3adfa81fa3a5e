//! The management canister `aaaaa-aa`: its methods, called from outside and by canisters.
//!
//! It works on the network's state, and may use every file of `replica` that does not run rounds,
//! take messages from outside or answer queries.

mod answers;
mod chunks;
mod create;
mod dispatch;
mod history;
mod info;
mod ingress;
mod install;
mod lifecycle;
mod methods;
mod random;
mod settings;

pub(super) use dispatch::{query, run_request};
pub(super) use ingress::{check_ingress, run_ingress};
pub(crate) use methods::about;
pub(super) use random::answer_random;
