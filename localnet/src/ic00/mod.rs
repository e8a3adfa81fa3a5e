//! The management canister `aaaaa-aa`: who may call what, from outside and from canisters.

mod chunks;
mod create;
mod info;
mod install;
mod lifecycle;
mod settings;

use crate::core::prices;
use crate::core::{Answer, Call, Network, Origin, Reject, Request, call_bytes};
use candid::utils::{ArgumentDecoder, decode_args_with_config};
use candid::{CandidType, DecoderConfig, Principal};
use ic_management_canister_types::CanisterIdRecord;

/// `()` in Candid.
pub const EMPTY_REPLY: &[u8] = b"DIDL\0\0";

/// Bytes of an `update_settings` argument up to which the message is charged afterwards.
const SMALL_SETTINGS: usize = 338;

/// Whom a method is for, and what it is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// About a canister; only its controllers, by ingress or from a canister.
    Controllers,
    /// Anybody may.
    Anybody,
    /// Only canisters may.
    Canisters,
    /// Only as a query.
    Query,
}

fn kind(method: &str) -> Option<Kind> {
    Some(match method {
        "install_code"
        | "install_chunked_code"
        | "uninstall_code"
        | "update_settings"
        | "start_canister"
        | "stop_canister"
        | "delete_canister"
        | "canister_status"
        | "upload_chunk"
        | "stored_chunks"
        | "clear_chunk_store"
        | "list_canister_snapshots"
        | "take_canister_snapshot"
        | "load_canister_snapshot"
        | "delete_canister_snapshot" => Kind::Controllers,
        "provisional_create_canister_with_cycles" | "provisional_top_up_canister" => Kind::Anybody,
        "create_canister" | "deposit_cycles" | "raw_rand" | "canister_info" => Kind::Canisters,
        "fetch_canister_logs" => Kind::Query,
        _ => return None,
    })
}

/// What a method does: an answer now, or one that comes later.
enum Outcome {
    Now(Answer),
    Later,
}

fn reply<T: CandidType>(value: &T) -> Answer {
    Ok(candid::encode_one(value).expect("BUG: a reply that can't be encoded"))
}

fn done() -> Answer {
    Ok(EMPTY_REPLY.to_vec())
}

fn bad_payload(what: impl std::fmt::Display) -> Reject {
    Reject::new(408, format!("Error decoding candid: {what}"))
}

fn decode<T>(arg: &[u8]) -> Result<T, Reject>
where
    (T,): for<'a> ArgumentDecoder<'a>,
{
    // modules and arguments are large, and the caller has paid for their bytes
    let config = DecoderConfig::new();
    decode_args_with_config::<(T,)>(arg, &config)
        .map(|(value,)| value)
        .map_err(|e| bad_payload(e.to_string().lines().next().unwrap_or("")))
}

/// A reject of the management canister itself, as code 4 tells it.
fn refuse(message: impl Into<String>) -> Reject {
    Reject::new(406, message)
}

fn not_controller(network: &Network, canister: Principal, sender: Principal) -> Reject {
    let controllers = network.controllers(canister).unwrap_or_default();
    let names: Vec<String> = controllers.iter().map(Principal::to_text).collect();
    Reject::new(
        512,
        format!(
            "Only the controllers of the canister {canister} can control it.\nCanister's controllers: {}\nSender's ID: {sender}",
            names.join(" ")
        ),
    )
}

/// The canister that a call is about, by its argument.
fn target(method: &str, arg: &[u8]) -> Result<Principal, Reject> {
    #[derive(candid::CandidType, serde::Deserialize)]
    struct Target {
        target_canister: Principal,
    }
    if method == "install_chunked_code" {
        return decode::<Target>(arg).map(|t| t.target_canister);
    }
    decode::<CanisterIdRecord>(arg).map(|r| r.canister_id)
}

/// The canister that a management call is about, where its argument tells.
pub fn about(method: &str, arg: &[u8]) -> Option<Principal> {
    match kind(method)? {
        Kind::Controllers | Kind::Query => target(method, arg).ok(),
        Kind::Anybody | Kind::Canisters => None,
    }
}

fn unparsed(method: &str, reject: Reject) -> Reject {
    Reject::new(
        408,
        format!(
            "Failed to parse payload for ic00 method {method}: IC0408: {}",
            reject.message
        ),
    )
}

/// What is checked before a management call from outside is taken.
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
    let needed = prices::ingress(call_bytes(call)) + canister.freezing_reserve();
    if canister.balance < needed {
        return Err(Reject::out_of_cycles(id, needed - canister.balance));
    }
    Ok(())
}

/// Runs a management call from outside; the canister that it is about pays for the message.
pub fn run_ingress(network: &mut Network, origin: Origin, call: Call) {
    if kind(&call.method) == Some(Kind::Controllers) {
        // changing a few settings has to be possible for a frozen canister: it is charged afterwards, by name and argument
        let bytes = if call.method == "update_settings" && call.arg.len() <= SMALL_SETTINGS {
            call.method.len() + call.arg.len()
        } else {
            call_bytes(&call)
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

/// Runs a management call of a canister.
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
            // such calls are sent to the subnet of the canister that they are about
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

fn finish(network: &mut Network, request: Request, outcome: Outcome) {
    match outcome {
        Outcome::Now(Err(reject)) if reject.error_code == 408 => {
            network.answer_fault(&request.origin, reject, request.cycles);
        }
        Outcome::Now(answer) => network.answer(&request.origin, answer, request.cycles),
        Outcome::Later => {}
    }
}

fn run(
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
        // a canister may look at itself, and remove itself is told apart below
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
            // drawn from the block after the one that brings the request
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

/// Methods for controllers, on a canister that is there.
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
        "uninstall_code" => lifecycle::uninstall(network, id, sender, &request.origin),
        "start_canister" => lifecycle::start(network, id),
        "delete_canister" => lifecycle::delete(network, id, sender),
        "update_settings" => settings::update(network, arg, sender, &request.origin),
        "canister_status" => info::status(network, id),
        "upload_chunk" => chunks::upload(network, arg),
        "stored_chunks" => chunks::list(network, id),
        "clear_chunk_store" => chunks::clear(network, id),
        // snapshots
        other => Err(refuse(format!("localnet has not built {other}"))),
    }
}

/// A call of the management canister as a query.
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

/// Random bytes, the same in every run of the same history.
pub fn answer_random(network: &mut Network, request: Request) {
    use sha2::{Digest, Sha256};
    let Origin::Canister { id, callback, .. } = &request.origin else {
        unreachable!("BUG: only canisters get random bytes");
    };
    let mut hash = Sha256::new();
    hash.update(b"localnet random");
    hash.update(network.round_time.to_be_bytes());
    hash.update(id.as_slice());
    hash.update(callback.to_be_bytes());
    let bytes = serde_bytes::ByteBuf::from(hash.finalize().to_vec());
    network.answer(&request.origin, reply(&bytes), request.cycles);
}

/// How a change came about, for the history.
fn change_origin(sender: Principal, origin: &Origin) -> ic_management_canister_types::ChangeOrigin {
    use ic_management_canister_types::{ChangeOrigin, FromCanisterRecord, FromUserRecord};
    match origin {
        Origin::Canister { id, .. } => ChangeOrigin::FromCanister(FromCanisterRecord {
            canister_id: *id,
            canister_version: None,
        }),
        _ => ChangeOrigin::FromUser(FromUserRecord { user_id: sender }),
    }
}
