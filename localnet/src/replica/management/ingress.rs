//! Management calls from outside: the checks on arrival and the fee.

use super::answers::refuse;
use super::dispatch::{finish, run};
use super::methods::{Kind, kind, target};
use super::settings;
use crate::prices;
use crate::replica::message::{Origin, Request};
use crate::replica::network::Network;
use crate::replica::types::{Call, Reject};
use candid::Principal;

/// The most bytes of an `update_settings` argument that is charged only afterwards.
const SMALL_SETTINGS: usize = 338;

/// The reject for an argument that cannot be decoded on arrival.
fn unparsed(method: &str, reject: Reject) -> Reject {
    Reject::new(
        408,
        format!(
            "Failed to parse payload for ic00 method {method}: IC0408: {}",
            reject.message
        ),
    )
}

/// The checks on a management call from outside before the network accepts it.
pub fn check_ingress(network: &Network, call: &Call) -> Result<(), Reject> {
    let method = call.method.as_str();
    let Some(kind) = kind(method) else {
        return Err(Reject::new(
            536,
            format!("ic00 interface does not expose method {method}"),
        ));
    };
    match kind {
        Kind::Canisters if method == "canister_info" => {
            return Err(refuse(format!(
                "Only canisters can call ic00 method {method}"
            )));
        }
        Kind::Canisters | Kind::Query => {
            return Err(refuse(format!(
                "ic00 method {method} can not be called via ingress messages"
            )));
        }
        Kind::Anybody => return Ok(()),
        Kind::Controllers => {}
    }
    let id = target(method, &call.arg).map_err(|e| unparsed(method, e))?;
    let canister = network
        .canisters
        .get(&id)
        .ok_or_else(|| Reject::not_found(id))?;
    if !canister.is_controller(&call.sender) {
        return Err(Reject::new(
            512,
            format!("Only controllers of canister {id} can call ic00 method {method}"),
        ));
    }
    if method == "update_settings" {
        settings::check(&call.arg).map_err(|e| unparsed(method, e))?;
        return Ok(());
    }
    let needed = prices::ingress(call.bytes()) + canister.freezing_reserve();
    if canister.balance < needed {
        return Err(Reject::out_of_cycles(id, needed - canister.balance));
    }
    Ok(())
}

/// Runs a management call from outside. The canister in its argument pays for the message.
pub fn run_ingress(network: &mut Network, origin: Origin, call: Call) {
    if kind(&call.method) == Some(Kind::Controllers) {
        // a frozen canister must be able to change a few settings; it pays afterwards, and only for
        // the method name and the argument
        let bytes = if call.method == "update_settings" && call.arg.len() <= SMALL_SETTINGS {
            call.method.len() + call.arg.len()
        } else {
            call.bytes()
        };
        let fee = prices::ingress(bytes);
        if let Ok(id) = target(&call.method, &call.arg)
            && let Some(canister) = network.canisters.get_mut(&id)
        {
            let paid = fee.min(canister.balance);
            canister.balance -= paid;
            canister.statistics.ingress_cycles += paid;
        }
    }
    let subnet = call.effective.filter(|id| network.has_subnet(*id));
    let near = call.effective.and_then(|id| network.route(id));
    let subnet = subnet.or(near).unwrap_or_else(|| network.default_subnet());
    let mut request = Request {
        origin,
        callee: Principal::management_canister(),
        method: call.method,
        arg: call.arg,
        cycles: 0,
    };
    let outcome = run(network, &mut request, call.sender, subnet);
    finish(network, request, outcome);
}
