//! The operator's commands: each looks first, says what it will do, and asks.
//!
//! Results are tables for people, or one JSON object.

mod amounts;
mod check;
mod consent;
mod entries;
mod faults;
mod gateways;
mod principals;
mod session_line;
mod sessions;
mod status;
mod stores;
mod table;

use crate::arguments::admin::{AdminCommand, AdminOptions, GatewaysCommand};
use crate::commands::admin::check::Checks;
use crate::commands::admin::consent::Consent;
use crate::commands::admin::gateways::Transfer;
use crate::commands::admin::principals::Marks;
use crate::commands::admin::sessions::Sessions;
use crate::commands::admin::stores::Stores;
use crate::failure::Outcome;
use crate::network::canister::Canister;
use crate::output::Output;

/// Refuses a command that would have to ask nobody, before anything is sent.
pub fn check_before(options: &AdminOptions) -> Outcome {
    match options.command.changes() {
        true => Consent::new(options.yes).check(),
        false => Ok(()),
    }
}

pub async fn run(gateway: Canister, options: AdminOptions, output: Output) -> Outcome {
    let consent = Consent::new(options.yes);
    match options.command {
        AdminCommand::Status => status::run(&gateway, output).await,
        AdminCommand::Stores(command) => {
            let stores = Stores {
                gateway,
                consent,
                output,
            };
            stores.run(command).await
        }
        AdminCommand::Sessions(command) => {
            let sessions = Sessions {
                gateway,
                consent,
                output,
            };
            sessions.run(command).await
        }
        AdminCommand::Principals(command) => {
            let marks = Marks {
                gateway,
                consent,
                output,
            };
            marks.run(command).await
        }
        AdminCommand::Gateways(GatewaysCommand::Transfer { from, to }) => {
            let transfer = Transfer {
                from: gateway.other(from, "gateway"),
                to: gateway.other(to, "gateway"),
                consent,
                output,
            };
            transfer.run().await
        }
        AdminCommand::Check(options) => {
            let checks = Checks {
                gateway,
                consent,
                output,
            };
            checks.run(options).await
        }
    }
}
