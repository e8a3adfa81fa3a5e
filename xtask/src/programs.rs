//! The commands that build what a program needs, and then become that program.

use crate::arguments::{Demo, Soak, Up};
use crate::outcome::Result;
use crate::{canisters, engine, layout, preflight, process, testing};
use std::process::Command;
use std::time::Duration;

/// An identity may come through a pipe, whose writer may never come.
const IDENTITY_LIMIT: Duration = Duration::from_secs(60);

/// Checks the user's input before it builds anything.
pub fn demo(arguments: Demo) -> Result<()> {
    if let Some(file) = &arguments.file {
        preflight::check_file(file)?;
    }
    match &arguments.network {
        Some(url) => preflight::check_reachable(url)?,
        None => engine::check()?,
    }
    canisters::build()?;
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("capsule-demo"));
    command.args(arguments.file);
    if let Some(url) = arguments.network {
        command.env("POCKET_IC_SERVER_URL", url);
    }
    process::become_program(command)
}

/// Passes the settings file in which the command-line client finds the network.
pub fn up(arguments: Up) -> Result<()> {
    engine::check()?;
    if !arguments.bare {
        canisters::build()?;
    }
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("capsule-up"));
    command.args(["--port", &arguments.port.to_string()]);
    if let Some(folder) = arguments.state {
        command.arg("--state").arg(folder);
    }
    if let Some(stores) = arguments.stores {
        command.args(["--stores", &stores.to_string()]);
    }
    match arguments.bare {
        true => {
            command.arg("--bare");
        }
        false => match operator() {
            Ok(operator) => {
                command.args(["--operator", &operator]);
            }
            Err(text) => eprintln!("`capsule admin` has no rights here: {text}"),
        },
    }
    if let Some(controller) = arguments.controller {
        command.args(["--controller", &controller]);
        command.arg("--project").arg(layout::root());
    }
    command
        .arg("--tell")
        .arg(layout::settings()?.join("local.json"));
    process::become_program(command)
}

/// The principal of the client's identity, which the client makes if there is none.
fn operator() -> Result<String> {
    let named = std::env::var_os("CAPSULE_IDENTITY").is_some_and(|path| !path.is_empty());
    let own = layout::settings()?.join("identity.pem");
    let mut client = Command::new(layout::host_program("capsule"));
    client.arg("identity");
    if !named && !own.exists() {
        client.arg("--new");
    }
    let printed = process::run_quietly(&mut client, IDENTITY_LIMIT)?;
    Ok(printed.trim().to_string())
}

pub fn soak(arguments: Soak) -> Result<()> {
    engine::check()?;
    canisters::build()?;
    canisters::build_chaos()?;
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("capsule-soak"));
    match arguments.bad_arguments {
        Some(count) => command.args(["--bad-arguments", &count.to_string()]),
        None => command.args(["--histories", &arguments.histories.to_string()]),
    };
    if arguments.flood {
        command.arg("--flood");
    }
    if let Some(seed) = arguments.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(jobs) = arguments.jobs {
        command.args(["--jobs", &jobs.to_string()]);
    }
    process::become_program(command)
}

pub fn bench(update: bool, hostile: bool) -> Result<()> {
    let mut command = bench_program(hostile)?;
    if hostile {
        command.arg(layout::root().join("docs/operating.md"));
        command.arg("--hostile");
    } else {
        command.arg(layout::root().join("docs/bench.md"));
    }
    if update {
        command.arg("--update");
    }
    process::become_program(command)
}

/// Compares with the modules of the release, which are in the repository.
pub fn speed() -> Result<()> {
    let mut command = bench_program(false)?;
    command.arg("--speed");
    process::become_program(command)
}

/// The program that measures, and all that it runs. A stranger's canister, which forwards calls, is
/// built if it is asked for.
fn bench_program(with_stranger: bool) -> Result<Command> {
    engine::check_localnet("bench")?;
    canisters::build()?;
    if with_stranger {
        canisters::build_chaos()?;
    }
    testing::build_engine()?;
    Ok(Command::new(layout::host_program("capsule-bench")))
}

pub fn localnet(port: Option<u16>) -> Result<()> {
    engine::check_localnet("localnet")?;
    testing::build_engine()?;
    let mut command = Command::new(layout::host_program("localnet"));
    if let Some(port) = port {
        command.args(["--port", &port.to_string()]);
    }
    process::become_program(command)
}
