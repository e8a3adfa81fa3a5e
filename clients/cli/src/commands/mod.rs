//! The commands: each is a method of a type that holds what it needs.

mod abort;
mod begin;
mod download;
mod everything;
mod folders;
mod identity;
mod limits;
mod list;
mod manual;
mod present;
mod receiving;
mod sending;
mod session;
mod show;
mod trash;
mod upload;

use crate::arguments::{Arguments, Command, Trust};
use crate::commands::abort::Aborts;
use crate::commands::download::Downloads;
use crate::commands::everything::Everything;
use crate::commands::folders::Folders;
use crate::commands::list::List;
use crate::commands::show::Show;
use crate::commands::trash::Trash;
use crate::commands::upload::Uploads;
use crate::failure::Outcome;
use crate::local::folder::error::FolderError;
use crate::network::gateway::Gateway;
use crate::network::refused::UploadError;
use crate::output::Output;
use crate::progress::Bars;
use capsule_shared::Error as Refusal;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Runs the command that the user asked for.
pub async fn run(arguments: Arguments, output: Output) -> Outcome {
    match arguments.command {
        // these need no network
        Command::Completions { shell } => return manual::completions(shell),
        Command::Man { command } => return manual::page(command.as_deref()),
        Command::Identity { new } => {
            return identity::run(&arguments.network, new, output).await;
        }
        _ => {}
    }
    let (agent, gateway_id) = arguments.network.connect().await?;
    let patience = Duration::from_secs(arguments.retry_for);
    let gateway = Gateway::new(agent, gateway_id, patience);
    let show = Show {
        gateway: gateway.clone(),
        output,
    };
    let trash = Trash {
        gateway: gateway.clone(),
        output,
    };
    let downloads = |trust: Trust| Downloads {
        gateway: gateway.clone(),
        bars: Bars::new(None, output.json),
        output,
        unproven: trust.unproven,
    };
    match arguments.command {
        Command::Upload {
            files,
            sending,
            choice,
            trust,
            mime_type,
            again,
        } => {
            let choice = choice.choice()?;
            let parallel = usize::from(sending.parallel);
            let capsule = own_or(&gateway, sending.capsule).await?;
            let (folders, plain): (Vec<PathBuf>, Vec<PathBuf>) =
                files.into_iter().partition(|path| path.is_dir());
            let bars = match folders.is_empty() {
                true => Bars::new(total_bytes(&plain), output.json),
                false => Bars::one_line(output.json),
            };
            let uploads = Uploads {
                mime_type,
                again,
                ..uploads(gateway, Some(&capsule), parallel, bars, output)
            };
            if folders.is_empty() {
                return uploads.run(&plain, parallel).await;
            }
            let sending = Folders {
                uploads,
                capsule: Some(capsule),
                parallel,
                unproven: trust.unproven,
                dry_run: false,
            };
            sending.run(folders, plain, choice).await
        }
        Command::Sync {
            folder,
            sending,
            choice,
            trust,
            dry_run,
        } => {
            let choice = choice.choice()?;
            let parallel = usize::from(sending.parallel);
            check_folder(&folder)?;
            let capsule = match (sending.capsule, dry_run) {
                (None, true) => gateway.own_capsule_if_any().await?,
                (capsule, _) => Some(own_or(&gateway, capsule).await?),
            };
            let bars = Bars::one_line(output.json);
            let folders = Folders {
                uploads: uploads(gateway, capsule.as_deref(), parallel, bars, output),
                capsule,
                parallel,
                unproven: trust.unproven,
                dry_run,
            };
            folders.run(vec![folder], Vec::new(), choice).await
        }
        Command::Download {
            all: Some(folder),
            capsule,
            force,
            trust,
            ..
        } => {
            let capsule = own_or(&gateway, capsule).await?;
            let everything = Everything {
                downloads: Downloads {
                    bars: Bars::one_line(output.json),
                    ..downloads(trust)
                },
                folder,
                force,
            };
            everything.run(&capsule).await
        }
        Command::Download {
            memory,
            output: to,
            force,
            trust,
            ..
        } => {
            let memory = memory.expect("BUG: the command line has a memory or --all");
            let downloads = downloads(trust);
            downloads.download(&memory, to.as_deref(), force).await
        }
        Command::Verify {
            memory,
            file,
            trust,
        } => downloads(trust).verify(&memory, file.as_deref()).await,
        Command::Ls { capsule, options } => {
            let capsule = own_or(&gateway, capsule).await?;
            let list = List {
                gateway,
                output,
                options,
            };
            list.run(&capsule).await
        }
        Command::Status { session } => show.uploads(session).await,
        Command::Abort { sessions, all } => {
            let aborts = Aborts { gateway, output };
            match all {
                true => aborts.all().await,
                false => aborts.these(&sessions).await,
            }
        }
        Command::Rm { memory } => trash.remove(&memory).await,
        Command::Trash { capsule } => trash.list(&own_or(&gateway, capsule).await?).await,
        Command::Restore { memory } => trash.restore(&memory).await,
        Command::Capsules => show.capsules().await,
        Command::Identity { .. } | Command::Completions { .. } | Command::Man { .. } => {
            unreachable!("BUG: handled before the network is needed")
        }
    }
}

/// Uploads into a capsule, `parallel` chunks at once.
fn uploads(
    gateway: Gateway,
    capsule: Option<&str>,
    parallel: usize,
    bars: Bars,
    output: Output,
) -> Uploads {
    Uploads {
        gateway_id: gateway.id().to_text(),
        gateway,
        capsule: capsule.unwrap_or_default().to_string(),
        mime_type: None,
        again: false,
        slots: Arc::new(Semaphore::new(parallel * MAX_CHUNK_BYTES)),
        bars,
        output,
    }
}

fn check_folder(path: &Path) -> Result<(), FolderError> {
    let path = path.to_path_buf();
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(FolderError::NotAFolder { path }),
        Err(error) => Err(FolderError::Read { path, error }),
    }
}

/// The bytes of all files, if there are several. A file that can't be read counts as empty here;
/// its own upload reports it.
fn total_bytes(files: &[PathBuf]) -> Option<u64> {
    let bytes = |file| std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    (files.len() > 1).then(|| files.iter().map(bytes).sum())
}

/// The capsule that the user named, or the user's own.
async fn own_or(gateway: &Gateway, capsule: Option<String>) -> Outcome<String> {
    match capsule {
        Some(capsule) => Ok(capsule),
        None => match gateway.own_capsule().await {
            Ok(capsule) => Ok(capsule.id),
            Err(error) if error.refusal() == Some(&Refusal::ResourceExhausted) => {
                Err(UploadError::Capsules.into())
            }
            Err(error) => Err(error.into()),
        },
    }
}
