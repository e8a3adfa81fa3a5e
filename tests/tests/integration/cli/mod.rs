//! `capsule`, the command-line client, against the live network.

mod commands;
mod files;
mod interrupted;
mod machine;
mod sessions;
mod signals;
