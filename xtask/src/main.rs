//! The project's commands. `cargo xtask` lists them.

mod canisters;
mod layout;
mod preflight;
mod process;
mod testing;
mod wasm_section;
mod wasm_target;

use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// What goes wrong ends a command: one sentence that says what, and what would help.
type Result<T> = std::result::Result<T, String>;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The commands of Capsule Upload"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Upload a file through all three canisters on a local network, read it back and compare
    Demo {
        /// The file to upload; without it, the demo uploads its own executable
        file: Option<PathBuf>,
        /// Use the PocketIC server that runs at this address (http://host:port) instead of starting one
        #[arg(long, value_name = "URL")]
        network: Option<String>,
    },
    /// Run every test: native, the local network's conformance, and the real canisters
    Test,
    /// Run the local network in real time with all three canisters, until Ctrl-C
    Up {
        /// The TCP port of 127.0.0.1
        #[arg(long, default_value_t = 4943)]
        port: u16,
        /// Keep the state in this folder, and go on with what is there
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
        /// Without the canisters: an empty network for deploy tools
        #[arg(long)]
        bare: bool,
        /// With --bare: three empty canisters for this principal, told to icp-cli as the environment `localnet`
        #[arg(long, requires = "bare", value_name = "PRINCIPAL")]
        controller: Option<String>,
    },
    /// Run random histories on the real canisters, or try bad arguments on all their methods
    Soak {
        /// How many histories
        #[arg(long, default_value_t = 1_000)]
        histories: u64,
        /// The seed of the first; the following count up (default: the time)
        #[arg(long)]
        seed: Option<u64>,
        /// How many at once (default: one for each core)
        #[arg(long)]
        jobs: Option<usize>,
        /// Try so many bad arguments instead
        #[arg(long, value_name = "N", conflicts_with = "histories")]
        bad_arguments: Option<u64>,
    },
    /// Measure what uploads cost on the local network, and compare it with the table in docs/bench.md
    Bench {
        /// Write the table instead of comparing with it
        #[arg(long)]
        update: bool,
    },
    /// Build the canisters to target/canisters and check their Candid interfaces
    Build,
    /// Run the local network in the foreground; it prints its address
    Localnet {
        /// The TCP port to listen on (default: a free one)
        #[arg(long)]
        port: Option<u16>,
    },
    /// Get the Rust target that canisters are compiled for, if it is missing (the other commands do it by themselves)
    WasmTarget,
}

fn main() -> ExitCode {
    process::end_children_on_signals();
    let outcome = match Arguments::parse().command {
        None => Arguments::command()
            .print_help()
            .map_err(|e| format!("cannot write to standard output: {e}")),
        Some(Task::Demo { file, network }) => demo(file, network),
        Some(Task::Up {
            port,
            state,
            bare,
            controller,
        }) => up(port, state, bare, controller),
        Some(Task::Test) => testing::test_everything(),
        Some(Task::Soak {
            histories,
            seed,
            jobs,
            bad_arguments,
        }) => soak(histories, seed, jobs, bad_arguments),
        Some(Task::Bench { update }) => bench(update),
        Some(Task::Build) => canisters::build().and_then(|()| canisters::check_interfaces()),
        Some(Task::Localnet { port }) => localnet(port),
        Some(Task::WasmTarget) => {
            wasm_target::ensure().map(|()| println!("{} is installed", wasm_target::TARGET))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Checks the input first, then gets what the demo needs, and becomes the demo.
fn demo(file: Option<PathBuf>, network: Option<String>) -> Result<()> {
    if let Some(file) = &file {
        preflight::check_file(file)?;
    }
    if let Some(url) = &network {
        preflight::check_reachable(url)?;
    }
    canisters::build()?;
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("capsule-demo"));
    command.args(file);
    if let Some(url) = network {
        command.env("POCKET_IC_SERVER_URL", url);
    }
    process::become_program(command)
}

/// Clients find the network by a file in their folder of settings.
fn up(port: u16, state: Option<PathBuf>, bare: bool, controller: Option<String>) -> Result<()> {
    if !bare {
        canisters::build()?;
    }
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("capsule-up"));
    command.args(["--port", &port.to_string()]);
    if let Some(folder) = state {
        command.arg("--state").arg(folder);
    }
    if bare {
        command.arg("--bare");
    }
    if let Some(controller) = controller {
        command.args(["--controller", &controller]);
        command.arg("--project").arg(layout::root());
    }
    command
        .arg("--tell")
        .arg(layout::settings()?.join("local.json"));
    process::become_program(command)
}

fn soak(
    histories: u64,
    seed: Option<u64>,
    jobs: Option<usize>,
    bad_arguments: Option<u64>,
) -> Result<()> {
    canisters::build()?;
    canisters::build_chaos()?;
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("capsule-soak"));
    match bad_arguments {
        Some(count) => command.args(["--bad-arguments", &count.to_string()]),
        None => command.args(["--histories", &histories.to_string()]),
    };
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(jobs) = jobs {
        command.args(["--jobs", &jobs.to_string()]);
    }
    process::become_program(command)
}

fn bench(update: bool) -> Result<()> {
    canisters::build()?;
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("capsule-bench"));
    command.arg(layout::root().join("docs/bench.md"));
    if update {
        command.arg("--update");
    }
    process::become_program(command)
}

fn localnet(port: Option<u16>) -> Result<()> {
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("localnet"));
    if let Some(port) = port {
        command.args(["--port", &port.to_string()]);
    }
    process::become_program(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_command_is_no_error() {
        assert!(
            Arguments::try_parse_from(["xtask"])
                .unwrap()
                .command
                .is_none()
        );
    }
}
