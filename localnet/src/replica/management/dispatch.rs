//! Runs each management call: checks the caller and chooses the method.

use super::answers::{not_controller, refuse};
use super::methods::{Kind, kind, target};
use super::{chunks, create, info, install, lifecycle, settings, snapshots};
use crate::replica::message::{Origin, Request};
use crate::replica::network::Network;
use crate::replica::types::{Answer, Call, Reject};
use candid::Principal;

/// The outcome of a method: an answer now, or one that comes later.
pub enum Outcome {
    Now(Answer),
    Later,
}

/// Runs a management call from a canister.
pub fn run_request(network: &mut Network, mut request: Request) {
    let Origin::Canister { id, .. } = request.origin else {
        unreachable!("BUG: a management request from nobody");
    };
    let subnet = network
        .subnet_of(id)
        .unwrap_or_else(|| network.default_subnet());
    match kind(&request.method) {
        None => {
            let text = format!("Management canister has no method '{}'", request.method);
            network.answer_fault(&request.origin, Reject::new(536, text), request.cycles);
        }
        Some(Kind::Query) => {
            let text = format!(
                "{} API is only accessible to end users in non-replicated mode",
                request.method
            );
            network.answer(&request.origin, Err(refuse(text)), request.cycles);
        }
        Some(kind) => {
            // an official server routes these calls to the subnet of the canister in the argument
            if kind == Kind::Controllers
                && request.method != "install_code"
                && let Err(reject) = target(&request.method, &request.arg)
            {
                let text = format!(
                    "Unable to route management canister request {}: {}",
                    request.method, reject.message
                );
                let reject = Reject::new(301, text);
                return network.answer(&request.origin, Err(reject), request.cycles);
            }
            let outcome = run(network, &mut request, id, subnet);
            finish(network, request, outcome);
        }
    }
}

pub fn finish(network: &mut Network, request: Request, outcome: Outcome) {
    match outcome {
        Outcome::Now(Err(reject)) if reject.error_code == 408 => {
            network.answer_fault(&request.origin, reject, request.cycles);
        }
        Outcome::Now(answer) => network.answer(&request.origin, answer, request.cycles),
        Outcome::Later => {}
    }
}

pub fn run(
    network: &mut Network,
    request: &mut Request,
    sender: Principal,
    subnet: Principal,
) -> Outcome {
    let method = request.method.clone();
    if kind(&method) == Some(Kind::Controllers) {
        let id = match target(&method, &request.arg) {
            Ok(id) => id,
            Err(reject) => return Outcome::Now(Err(reject)),
        };
        let Some(canister) = network.canisters.get(&id) else {
            return Outcome::Now(Err(Reject::not_found(id)));
        };
        // a canister may read its own status; `delete` refuses the canister itself with its own
        // text
        let own = id == sender && matches!(method.as_str(), "canister_status" | "delete_canister");
        if !canister.is_controller(&sender) && !own {
            return Outcome::Now(Err(not_controller(network, id, sender)));
        }
        if method == "stop_canister" {
            lifecycle::stop(network, id, request.origin.clone());
            return Outcome::Later;
        }
        return Outcome::Now(control(network, &method, id, request, sender));
    }
    Outcome::Now(match method.as_str() {
        "raw_rand" => {
            // the bytes come from the block after the one with the request
            network.later.push((network.round + 2, request.clone()));
            return Outcome::Later;
        }
        "create_canister" => create::create(network, request, sender, subnet),
        "provisional_create_canister_with_cycles" => {
            create::provisional(network, &request.arg, sender, subnet)
        }
        "provisional_top_up_canister" => create::top_up(network, &request.arg),
        "deposit_cycles" => create::deposit(network, request),
        "canister_info" => info::info(network, &request.arg),
        _ => unreachable!("BUG: a method of a kind without code"),
    })
}

/// Runs a method for canister controllers on an existing canister.
fn control(
    network: &mut Network,
    method: &str,
    id: Principal,
    request: &Request,
    sender: Principal,
) -> Answer {
    let arg = &request.arg;
    match method {
        "install_code" => install::install_code(network, arg, sender, &request.origin),
        "install_chunked_code" => install::install_chunked(network, arg, sender, &request.origin),
        "uninstall_code" => lifecycle::uninstall(network, arg, sender, &request.origin),
        "start_canister" => lifecycle::start(network, id),
        "delete_canister" => lifecycle::delete(network, id, sender),
        "update_settings" => settings::update(network, arg, sender, &request.origin),
        "canister_status" => info::status(network, id),
        "upload_chunk" => chunks::upload(network, arg),
        "stored_chunks" => chunks::list(network, id),
        "clear_chunk_store" => chunks::clear(network, id),
        "take_canister_snapshot" => snapshots::take(network, arg, sender, &request.origin),
        "load_canister_snapshot" => snapshots::load(network, arg, sender, &request.origin),
        "list_canister_snapshots" => snapshots::list(network, id),
        "delete_canister_snapshot" => snapshots::delete(network, arg),
        // the transfer of snapshots
        other => Err(refuse(format!("localnet has not built {other}"))),
    }
}

/// Runs a query call of the management canister.
pub fn query(network: &Network, call: &Call) -> Answer {
    match call.method.as_str() {
        "fetch_canister_logs" => info::logs(network, &call.arg, call.sender),
        "canister_status" => {
            let id = target(&call.method, &call.arg)?;
            let canister = network.canisters.get(&id);
            let canister = canister.ok_or_else(|| Reject::not_found(id))?;
            if !canister.is_controller(&call.sender) {
                return Err(not_controller(network, id, call.sender));
            }
            info::status(network, id)
        }
        other => Err(Reject::new(
            536,
            format!("Management canister has no query method '{other}'"),
        )),
    }
}
