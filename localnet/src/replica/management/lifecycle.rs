//! Starts, stops, empties and deletes canisters.

use super::answers::{decode, done, with_help};
use super::history::change_origin;
use crate::replica::canister::{Change, Status};
use crate::replica::message::Origin;
use crate::replica::network::Network;
use crate::replica::types::{Answer, Reject};
use candid::Principal;
use ic_management_canister_types::{ChangeDetails, UninstallCodeArgs};

/// `stop_canister`. The answer comes once no call context is open.
pub fn stop(network: &mut Network, id: Principal, origin: Origin) {
    let time = network.round_time;
    let canister = network.canisters.get_mut(&id).expect("BUG: checked before");
    canister.version += 1;
    match &mut canister.status {
        Status::Running => canister.status = Status::Stopping(vec![(origin, time)]),
        Status::Stopping(waiting) => waiting.push((origin, time)),
        Status::Stopped => return network.answer(&origin, done(), 0),
    }
    network.finish_stopping();
}

/// `start_canister`.
pub fn start(network: &mut Network, id: Principal) -> Answer {
    let canister = network.canisters.get_mut(&id).expect("BUG: checked before");
    canister.version += 1;
    let former = std::mem::replace(&mut canister.status, Status::Running);
    if let Status::Stopping(waiting) = former {
        for (origin, _) in waiting {
            let text = format!("Canister {id}'s stop request was cancelled.");
            network.answer(&origin, Err(Reject::new(511, text)), 0);
        }
    }
    done()
}

/// `uninstall_code`.
pub fn uninstall(network: &mut Network, arg: &[u8], sender: Principal, origin: &Origin) -> Answer {
    let args: UninstallCodeArgs = decode(arg)?;
    let id = args.canister_id;
    network.uninstall(id);
    let time = network.round_time;
    let canister = network.canisters.get_mut(&id).expect("BUG: checked before");
    canister.changes.push(Change {
        timestamp_nanos: time,
        canister_version: canister.version,
        origin: change_origin(sender, origin, args.sender_canister_version),
        details: ChangeDetails::CodeUninstall,
    });
    done()
}

/// `delete_canister`.
pub fn delete(network: &mut Network, id: Principal, sender: Principal) -> Answer {
    if id == sender {
        let text = with_help(
            format!("Canister {id} cannot delete itself."),
            "Delete the canister from one of its other controllers.",
            "delete-canister-self",
        );
        return Err(Reject::new(510, text));
    }
    if !matches!(network.canisters[&id].status, Status::Stopped) {
        let text = with_help(
            format!("Canister {id} must be stopped before it is deleted."),
            "Stop the canister before deleting it.",
            "delete-canister-not-stopped",
        );
        return Err(Reject::new(510, text));
    }
    network.canisters.remove(&id);
    done()
}
