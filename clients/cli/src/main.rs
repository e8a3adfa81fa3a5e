//! `capsule`: the command-line client. It uploads files into capsules and reads them back.

mod arguments;
mod commands;
mod console;
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
use output::Output;
use std::io::Write;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output {
        json: arguments.json,
    };
    tokio::select! {
        outcome = commands::run(arguments) => match outcome {
            Ok(()) => ExitCode::from(exit::SUCCESS),
            Err(failure) => {
                eprintln!("error: {failure}");
                output.failure(None, &failure);
                failure.exit_code()
            }
        },
        signal = signals::received() => {
            // After a hang-up nobody can read this.
            let text = "interrupted; repeat the command to resume an upload";
            let _ = writeln!(std::io::stderr(), "\n{text}");
            // returning would wait for the threads that still read a file
            std::process::exit(signal.exit_code().into())
        }
    }
}
