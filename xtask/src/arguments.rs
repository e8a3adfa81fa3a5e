//! The command line of `cargo xtask`.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The commands of Capsule Upload"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Task>,
}

#[derive(Subcommand)]
pub enum Task {
    /// Upload a file through the three canisters on a local network, read it back and compare
    Demo(Demo),
    /// Run all tests: native, the local network's, and those on the real canisters
    Test,
    /// Run the local network in real time with the three canisters, until Ctrl-C
    Up(Up),
    /// Run random histories on the real canisters, or bad arguments on all their methods
    Soak(Soak),
    /// Measure the costs of uploads on the local network and compare them with docs/bench.md
    Bench {
        /// Write the table instead of comparing with it
        #[arg(long)]
        update: bool,
        /// Measure the calls of a stranger instead, and compare them with docs/operating.md
        #[arg(long)]
        hostile: bool,
        /// Compare the speed on this machine with that of release 0.1.0 instead
        #[arg(long, conflicts_with_all = ["update", "hostile"])]
        speed: bool,
    },
    /// Build the canisters to target/canisters and check their Candid interfaces
    Build,
    /// Run the local network in the foreground and print its address
    Localnet {
        /// The TCP port to listen on (default: a free one)
        #[arg(long)]
        port: Option<u16>,
    },
    /// Check the files that git tracks: headers, line lengths, layers, names, sentences
    Tidy,
    /// Install the Rust target for canisters, if it is missing (other commands do so themselves)
    WasmTarget,
}

#[derive(Args)]
pub struct Demo {
    /// The file to upload (default: the demo's own executable)
    pub file: Option<PathBuf>,
    /// Use the PocketIC server at this address (http://host:port) instead of starting one
    #[arg(long, value_name = "URL")]
    pub network: Option<String>,
}

#[derive(Args)]
pub struct Up {
    /// The TCP port to listen on, at 127.0.0.1 and ::1
    #[arg(long, default_value_t = 4943)]
    pub port: u16,
    /// Keep the state in this folder, and continue with the state that is there
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Use this many stores, 1 to 50 (default: one, or those of the state)
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "bare",
        value_parser = clap::value_parser!(u8).range(1..=50)
    )]
    pub stores: Option<u8>,
    /// Start an empty network, without the canisters, for deploy tools
    #[arg(long)]
    pub bare: bool,
    /// Make three empty canisters for this principal and give their ids to icp-cli
    #[arg(long, requires = "bare", value_name = "PRINCIPAL")]
    pub controller: Option<String>,
}

#[derive(Args)]
pub struct Soak {
    /// The number of histories
    #[arg(long, default_value_t = 1_000)]
    pub histories: u64,
    /// The seed of the first history; each further one adds 1 (default: the time)
    #[arg(long)]
    pub seed: Option<u64>,
    /// The number of histories that run at once (default: one for each core)
    #[arg(long)]
    pub jobs: Option<usize>,
    /// Play each history a second time while strangers flood the gateway
    #[arg(long)]
    pub flood: bool,
    /// Try this many bad arguments instead
    #[arg(long, value_name = "N", conflicts_with = "histories")]
    pub bad_arguments: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_command_is_no_error() {
        let none = Arguments::try_parse_from(["xtask"]).unwrap();
        assert!(none.command.is_none());
    }
}
