//! `capsule`: the command-line client. It uploads files into capsules and reads them back.

mod arguments;
mod commands;
mod console;
mod dates;
mod exit;
mod failure;
mod local;
mod network;
mod output;
mod printable;
mod progress;
mod signals;

use arguments::Arguments;
use clap::Parser;
use failure::Outcome;
use output::Output;
use signals::Signals;
use std::io::Write;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let signals = Signals::listen();
    signals::fail_at_file_size_limit();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(said) => return help_or_usage(&said),
    };
    console::set_up(arguments.verbosity());
    let output = Output {
        json: arguments.json,
        on_stderr: arguments.command.prints_bytes(),
    };
    tokio::select! {
        outcome = commands::run(arguments, output) => ended(outcome, output),
        signal = signals.received() => {
            console::line("");
            console::line("interrupted; repeat the command to resume an upload");
            // returning would wait for the threads that still read a file
            std::process::exit(signal.exit_code().into())
        }
    }
}

/// Prints what was asked for, such as the help, or what is wrong with the arguments.
fn help_or_usage(said: &clap::Error) -> ExitCode {
    if said.use_stderr() {
        // nobody reads a message that can't be written, so nothing else is lost
        let _ = said.print();
        return ExitCode::from(exit::USAGE);
    }
    output::print_by(|| said.print().and_then(|()| std::io::stdout().flush()));
    ended(Ok(()), Output::new(false))
}

fn ended(outcome: Outcome, output: Output) -> ExitCode {
    // Nobody got the results that could not be printed.
    let failure = match outcome.and_then(|()| output::outcome()) {
        Ok(()) => return ExitCode::from(exit::SUCCESS),
        Err(failure) => failure,
    };
    if !failure.is_silent() {
        console::error(&failure.to_string());
        output.failure(None, &failure);
    }
    failure.exit_code()
}
