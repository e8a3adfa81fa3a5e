//! `capsule`: files into capsules on the Internet Computer, and back.

mod download;
mod error;
mod file;
mod gateway;
mod network;
mod output;
mod record;
mod show;
mod upload;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use download::Downloads;
use error::{Failure, Outcome};
use gateway::Gateway;
use output::{Bars, Output};
use serde_json::json;
use show::Show;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use upload::Uploads;

/// The exit code of a command that was interrupted.
const INTERRUPTED: u8 = 130;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 a problem of this machine (files, identity, settings), 2 wrong arguments,\n\
    3 refused by the canister, 4 not found, 5 no right to it, 6 the network does not answer (try again),\n\
    7 the bytes or their proof are wrong, 130 interrupted.";

#[derive(Parser)]
#[command(version, about = "Files into capsules on the Internet Computer, and back", after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    network: network::Options,
    /// Print one JSON object a line instead of text
    #[arg(long, global = true)]
    json: bool,
    /// How many seconds a call is repeated while the network or a canister can't answer
    #[arg(long, global = true, default_value_t = 120, value_name = "SECONDS")]
    patience: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Upload files; the same command again goes on where it stopped
    Upload {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The capsule (default: your own, which is made if there is none)
        #[arg(long, value_name = "ID")]
        capsule: Option<String>,
        /// Chunks under way at once
        #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
        parallel: u16,
    },
    /// Read a memory into a file, checked against the index
    Download {
        memory: String,
        /// The file or folder (default: the memory's own name, here)
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Replace a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Read a memory and compare it with the index, and with a file
    Verify {
        memory: String,
        file: Option<PathBuf>,
    },
    /// List the memories of a capsule
    Ls {
        /// The capsule (default: your own)
        #[arg(long, value_name = "ID")]
        capsule: Option<String>,
    },
    /// Show your uploads, or one of them
    Status { session: Option<u64> },
    /// Give up an upload that is not finished
    Abort { session: u64 },
    /// Delete a memory with its bytes
    Rm { memory: String },
    /// List the capsules in which you may read and write
    Capsules,
    /// Show your principal
    Identity {
        /// Make a new identity; one that is there is never replaced
        #[arg(long)]
        new: bool,
    },
    /// Print completions for a shell
    Completions { shell: Shell },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output {
        json: arguments.json,
    };
    tokio::select! {
        outcome = run(arguments) => match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("error: {failure}");
                output.failure(None, &failure);
                failure.exit_code()
            }
        },
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\ninterrupted; an upload goes on where it stopped when the command is repeated");
            // not by returning: what still reads a file would be waited for
            std::process::exit(INTERRUPTED.into())
        }
    }
}

async fn run(arguments: Arguments) -> Outcome {
    let output = Output {
        json: arguments.json,
    };
    match &arguments.command {
        Command::Completions { shell } => {
            clap_complete::generate(
                *shell,
                &mut Arguments::command(),
                "capsule",
                &mut std::io::stdout(),
            );
            return Ok(());
        }
        Command::Identity { new } => return identity(&arguments.network, *new, output),
        _ => {}
    }
    let (agent, gateway_id) = arguments.network.connect().await?;
    let patience = Duration::from_secs(arguments.patience);
    let gateway = Gateway::new(agent, gateway_id, patience);
    let show = Show {
        gateway: gateway.clone(),
        output,
    };
    let downloads = || Downloads {
        gateway: gateway.clone(),
        bars: Bars::new(None, arguments.json),
        output,
    };
    match arguments.command {
        Command::Upload {
            files,
            capsule,
            parallel,
        } => {
            let capsule = own_or(&gateway, capsule).await?;
            let sizes = files
                .iter()
                .map(|f| std::fs::metadata(f).map_or(0, |m| m.len()));
            let total = (files.len() > 1).then(|| sizes.sum());
            let parallel = usize::from(parallel);
            let uploads = Uploads {
                gateway,
                gateway_id: gateway_id.to_text(),
                capsule,
                slots: Arc::new(Semaphore::new(parallel)),
                bars: Bars::new(total, arguments.json),
                output,
            };
            uploads.run(&files, parallel).await
        }
        Command::Download {
            memory,
            output,
            force,
        } => {
            downloads()
                .download(&memory, output.as_deref(), force)
                .await
        }
        Command::Verify { memory, file } => downloads().verify(&memory, file.as_deref()).await,
        Command::Ls { capsule } => {
            let capsule = own_or(&gateway, capsule).await?;
            show.memories(&capsule).await
        }
        Command::Status { session } => show.uploads(session).await,
        Command::Abort { session } => show.abort(session).await,
        Command::Rm { memory } => show.remove(&memory).await,
        Command::Capsules => show.capsules().await,
        Command::Identity { .. } | Command::Completions { .. } => Ok(()),
    }
}

async fn own_or(gateway: &Gateway, capsule: Option<String>) -> Outcome<String> {
    match capsule {
        Some(capsule) => Ok(capsule),
        None => Ok(gateway.own_capsule().await?.id),
    }
}

fn identity(network: &network::Options, new: bool, output: Output) -> Outcome {
    if new {
        let path = match &network.identity {
            Some(path) => path.clone(),
            None => network::home()?.join("identity.pem"),
        };
        network::new_identity(&path)?;
    }
    let principal = network.identity()?.sender().map_err(Failure::local)?;
    output.result(
        &principal.to_text(),
        json!({ "principal": principal.to_text() }),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
