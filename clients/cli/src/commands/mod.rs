//! The commands: each is a method of a type that holds what it needs.

mod abort;
mod admin;
mod begin;
mod download;
mod everything;
mod folders;
mod identity;
mod in_order;
mod limits;
mod line;
mod list;
mod manual;
mod own;
mod present;
mod purge;
mod receiving;
mod remembered;
mod send;
mod sending;
mod session;
mod show;
mod trash;
mod upload;

use crate::arguments::{Arguments, Command, Trust};
use crate::commands::abort::Aborts;
use crate::commands::download::Downloads;
use crate::commands::everything::Everything;
use crate::commands::list::List;
use crate::commands::own::own_or;
use crate::commands::purge::Purges;
use crate::commands::show::Show;
use crate::commands::trash::Trash;
use crate::failure::Outcome;
use crate::network::canister::Canister;
use crate::network::gateway::Gateway;
use crate::output::Output;
use crate::progress::Progress;
use std::time::Duration;

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
    if let Command::Admin(options) = &arguments.command {
        admin::check_before(options)?;
    }
    let (agent, gateway_id) = arguments.network.connect().await?;
    let patience = Duration::from_secs(arguments.retry_for);
    if let Command::Admin(options) = arguments.command {
        let gateway = Canister::new(agent, gateway_id, "gateway", patience);
        return admin::run(gateway, options, output).await;
    }
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
        progress: Progress::new(output.json),
        output,
        unproven: trust.unproven,
    };
    match arguments.command {
        Command::Upload(options) => send::upload(gateway, options, output).await,
        Command::Sync(options) => send::sync(gateway, options, output).await,
        Command::Download {
            all: Some(folder),
            capsule,
            force,
            trust,
            ..
        } => {
            let capsule = own_or(&gateway, capsule).await?;
            let everything = Everything {
                downloads: downloads(trust),
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
        Command::Purge {
            memories,
            all,
            capsule,
        } => {
            let purges = Purges {
                gateway: gateway.clone(),
                output,
            };
            match all {
                true => purges.all(&own_or(&gateway, capsule).await?).await,
                false => purges.these(&memories).await,
            }
        }
        Command::Restore { memory } => trash.restore(&memory).await,
        Command::Capsules => show.capsules().await,
        Command::Admin(_)
        | Command::Identity { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => unreachable!("BUG: handled before"),
    }
}
