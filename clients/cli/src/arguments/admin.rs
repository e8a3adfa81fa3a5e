//! The operator's commands.

use candid::Principal;
use clap::{Args, Subcommand};

/// The operator's command, and whether it asks.
#[derive(Args)]
pub struct AdminOptions {
    /// Change things without asking
    #[arg(long, short, global = true)]
    pub yes: bool,
    #[command(subcommand)]
    pub command: AdminCommand,
}

#[derive(Subcommand)]
pub enum AdminCommand {
    /// Show the gateway, the index and all stores
    Status,
    /// List the stores of the gateway, and change what each is for
    #[command(subcommand)]
    Stores(StoresCommand),
    /// List the sessions of all users, and end pending ones
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// List principals as known, and block others
    #[command(subcommand)]
    Principals(PrincipalsCommand),
    /// Hand all that one gateway owns over to another
    #[command(subcommand)]
    Gateways(GatewaysCommand),
    /// Check the stores, or follow the checks that run
    Check(CheckOptions),
}

#[derive(Subcommand)]
pub enum StoresCommand {
    /// List the stores with their last reports
    List,
    /// Add a store, which takes new uploads from then on
    Add {
        #[arg(value_parser = principal)]
        store: Principal,
    },
    /// Have a store take no new uploads
    ReadOnly {
        #[arg(value_parser = principal)]
        store: Principal,
    },
    /// Have a store take new uploads again
    Activate {
        #[arg(value_parser = principal)]
        store: Principal,
    },
    /// Have a store take no new uploads, and its files move to the active stores
    Drain {
        #[arg(value_parser = principal)]
        store: Principal,
    },
    /// Give a store up: it takes no new uploads and is asked for no reports
    Offline {
        #[arg(value_parser = principal)]
        store: Principal,
    },
    /// Take an empty store off the list; then you may delete the canister
    Retire {
        #[arg(value_parser = principal)]
        store: Principal,
    },
    /// Bound the bytes that the gateway puts into a store
    Capacity {
        #[arg(value_parser = principal)]
        store: Principal,
        /// A number of bytes, or `none` for what the store itself allows
        #[arg(value_parser = capacity)]
        bytes: Capacity,
    },
}

/// A bound of a store; `None` leaves it to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity(pub Option<u64>);

#[derive(Subcommand)]
pub enum SessionsCommand {
    /// List the newest sessions, and the principals with the most active ones
    List,
    /// End pending sessions; their uploaders have to begin anew
    End {
        #[arg(required = true, value_name = "SESSION")]
        sessions: Vec<u64>,
    },
}

#[derive(Subcommand)]
pub enum PrincipalsCommand {
    /// List the principals that are known by your word, or blocked
    List,
    /// Count principals as known, so that strangers never take their room
    Add(Principals),
    /// Take principals off the list of known ones
    Remove(Principals),
    /// End the pending sessions of principals, and refuse their updates
    Block(Principals),
    /// Let blocked principals in again
    Unblock(Principals),
}

#[derive(Args)]
pub struct Principals {
    #[arg(required = true, value_name = "PRINCIPAL", value_parser = principal)]
    pub principals: Vec<Principal>,
}

#[derive(Subcommand)]
pub enum GatewaysCommand {
    /// Hand all memories and blobs of one gateway over, in the index and then in every store;
    /// the same command goes on where it stopped
    Transfer {
        /// The gateway that owns them now
        #[arg(long, value_name = "ID", value_parser = principal)]
        from: Principal,
        /// The gateway that gets them; it is registered in the index and in every store
        #[arg(long, value_name = "ID", value_parser = principal)]
        to: Principal,
    },
}

#[derive(Args)]
pub struct CheckOptions {
    /// The stores (default: all that aren't offline)
    #[arg(value_name = "STORE", value_parser = principal)]
    pub stores: Vec<Principal>,
    /// Mend totals, and lists of free blocks if every blob is whole
    #[arg(long)]
    pub repair: bool,
    /// Hash all blobs, too; it costs about 8 T cycles for 100 GB
    #[arg(long)]
    pub contents: bool,
    /// End the checks that run
    #[arg(long, conflicts_with_all = ["repair", "contents"])]
    pub end: bool,
}

impl AdminCommand {
    /// Whether it changes something, so that it asks first.
    pub fn changes(&self) -> bool {
        match self {
            AdminCommand::Status
            | AdminCommand::Stores(StoresCommand::List)
            | AdminCommand::Sessions(SessionsCommand::List)
            | AdminCommand::Principals(PrincipalsCommand::List) => false,
            AdminCommand::Stores(_)
            | AdminCommand::Sessions(_)
            | AdminCommand::Principals(_)
            | AdminCommand::Gateways(_) => true,
            AdminCommand::Check(options) => options.asks(),
        }
    }
}

impl CheckOptions {
    /// A check that only looks changes nothing and costs little.
    pub fn asks(&self) -> bool {
        self.repair || self.contents || self.end
    }
}

/// Somebody, or a canister, that an operator can mean.
fn principal(text: &str) -> Result<Principal, String> {
    let principal = Principal::from_text(text).map_err(|error| {
        format!("it is no principal ({error}), expected one such as w7x7r-cok77-xa")
    })?;
    let nobody = [Principal::anonymous(), Principal::management_canister()];
    match nobody.contains(&principal) {
        true => Err("it is nobody in particular, expected a canister or a person".into()),
        false => Ok(principal),
    }
}

fn capacity(text: &str) -> Result<Capacity, String> {
    match text {
        "none" => Ok(Capacity(None)),
        _ => match text.parse() {
            Ok(bytes) => Ok(Capacity(Some(bytes))),
            Err(_) => Err("expected a number of bytes, or none".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser;

    const STORE: &str = "lqy7q-dh777-77777-aaaaq-cai";

    fn parsed(rest: &[&str]) -> Result<AdminOptions, String> {
        let arguments = [&["capsule", "admin"], rest].concat();
        match Arguments::try_parse_from(arguments) {
            Ok(arguments) => match arguments.command {
                Command::Admin(options) => Ok(options),
                _ => panic!("another command"),
            },
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn only_commands_that_change_something_ask() {
        for (arguments, changes) in [
            (&["status"][..], false),
            (&["stores", "list"], false),
            (&["sessions", "list"], false),
            (&["principals", "list"], false),
            (&["check"], false),
            (&["check", STORE], false),
            (&["check", "--repair"], true),
            (&["check", "--contents"], true),
            (&["check", "--end", STORE], true),
            (&["stores", "add", STORE], true),
            (&["stores", "read-only", STORE], true),
            (&["stores", "capacity", STORE, "none"], true),
            (&["sessions", "end", "7", "8"], true),
            (&["principals", "block", STORE, STORE], true),
            (
                &["gateways", "transfer", "--from", STORE, "--to", STORE],
                true,
            ),
        ] {
            let options = parsed(arguments).unwrap();
            assert_eq!(options.command.changes(), changes, "{arguments:?}");
            assert!(!options.yes);
        }
        assert!(parsed(&["stores", "drain", STORE, "--yes"]).unwrap().yes);
        assert!(parsed(&["--yes", "stores", "retire", STORE]).unwrap().yes);
    }

    #[test]
    fn a_principal_is_somebody() {
        for wrong in [
            "somebody",
            "",
            "2vxsx-fae",
            "aaaaa-aa",
            "lqy7q-dh777-77777-aaaaq-caj",
        ] {
            let error = parsed(&["stores", "add", wrong]).err().unwrap();
            assert!(error.contains("expected") || wrong.is_empty(), "{error}");
            assert!(parsed(&["principals", "block", STORE, wrong]).is_err());
            let transfer = ["gateways", "transfer", "--to", STORE, "--from", wrong];
            assert!(parsed(&transfer).is_err());
        }
        assert!(parsed(&["principals", "add"]).is_err());
        assert!(parsed(&["sessions", "end"]).is_err());
        assert!(parsed(&["check", "--end", "--repair"]).is_err());
    }

    #[test]
    fn a_capacity_is_a_number_or_none() {
        assert_eq!(capacity("none"), Ok(Capacity(None)));
        assert_eq!(capacity("67108864"), Ok(Capacity(Some(64 << 20))));
        for wrong in ["", "-1", "64 GB", "None"] {
            assert!(capacity(wrong).is_err(), "{wrong}");
        }
    }
}
