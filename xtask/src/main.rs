//! The project's commands. `cargo xtask` lists them.

mod arguments;
mod canisters;
mod engine;
mod layout;
mod outcome;
mod preflight;
mod process;
mod programs;
mod reproducible;
mod terminal;
mod testing;
mod tidy;
mod wasm_section;
mod wasm_target;

use arguments::{Arguments, Task};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;

fn main() -> ExitCode {
    process::end_children_on_signals();
    let outcome = match Arguments::parse().command {
        None => Arguments::command()
            .print_help()
            .map_err(|e| format!("cannot write to standard output: {e}")),
        Some(Task::Demo(arguments)) => programs::demo(arguments),
        Some(Task::Up(arguments)) => programs::up(arguments),
        Some(Task::Test) => testing::test_everything(),
        Some(Task::Soak(arguments)) => programs::soak(arguments),
        Some(Task::Bench { speed: true, .. }) => programs::speed(),
        Some(Task::Bench {
            update, hostile, ..
        }) => programs::bench(update, hostile),
        Some(Task::Build) => canisters::build().and_then(|()| canisters::check_interfaces()),
        Some(Task::Localnet { port }) => programs::localnet(port),
        Some(Task::Tidy) => tidy::run(&Arguments::command()),
        Some(Task::WasmTarget) => {
            wasm_target::ensure().map(|_| println!("{} is installed", wasm_target::TARGET))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            terminal::error(&text);
            ExitCode::FAILURE
        }
    }
}
