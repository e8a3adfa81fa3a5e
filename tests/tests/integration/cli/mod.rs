//! `capsule`, the command-line client, against the live network.

mod admin;
mod commands;
mod downloads;
mod files;
mod folders;
mod interrupted;
mod liar;
mod lists;
pub mod machine;
mod sessions;
mod signals;
mod streams;
