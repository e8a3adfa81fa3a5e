//! `capsule`, the command-line client, against the live network.

mod commands;
mod interrupted;
mod machine;
