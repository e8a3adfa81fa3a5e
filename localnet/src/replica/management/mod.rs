//! The management canister `aaaaa-aa`: its methods, called from outside and by canisters.
//!
//! It works on the state of the network. It may use the files of `replica`, except `round`,
//! `submit` and `query`, which use it.

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
mod snapshots;

pub(super) use dispatch::{query, run_request};
pub(super) use ingress::{check_ingress, run_ingress};
pub(crate) use methods::about;
pub(super) use random::answer_random;
