//! Creates canisters and gives them cycles.

use super::answers::{decode, done, refuse, reply};
use super::history::change_origin;
use super::settings::{Wanted, apply};
use crate::prices;
use crate::prices::cycles;
use crate::replica::canister::{Canister, Change};
use crate::replica::message::{Origin, Request};
use crate::replica::network::Network;
use crate::replica::settings::Settings;
use crate::replica::types::{Answer, Reject};
use candid::{Nat, Principal};
use ic_management_canister_types::{
    CanisterIdRecord, ChangeDetails, CreateCanisterArgs, CreationRecord,
    ProvisionalCreateCanisterWithCyclesArgs, ProvisionalTopUpCanisterArgs,
};

/// `create_canister`.
pub fn create(
    network: &mut Network,
    request: &mut Request,
    sender: Principal,
    subnet: Principal,
) -> Answer {
    let args: CreateCanisterArgs = decode(&request.arg)?;
    let fee = prices::CREATE_CANISTER;
    if request.cycles < fee {
        return Err(refuse(format!(
            "Creating a canister requires a fee of {} that is deducted from the canister's initial \
             balance but only {} cycles were received with the create_canister request.\nTry \
             sending more cycles with the request. See documentation: \
             https://internetcomputer.org/docs/current/references/\
             execution-errors#create-canister-not-enough-cycles",
            cycles(fee),
            cycles(request.cycles)
        )));
    }
    let wanted = args.settings.map(Wanted::read).transpose()?;
    let balance = request.cycles - fee;
    let made = make(
        network,
        sender,
        &request.origin,
        subnet,
        wanted,
        balance,
        None,
    )?;
    request.cycles = 0;
    Ok(made)
}

/// `provisional_create_canister_with_cycles`.
pub fn provisional(
    network: &mut Network,
    arg: &[u8],
    sender: Principal,
    subnet: Principal,
) -> Answer {
    let args: ProvisionalCreateCanisterWithCyclesArgs = decode(arg)?;
    let balance = match args.amount {
        Some(amount) => to_u128(&amount)?,
        None => prices::PROVISIONAL_CYCLES,
    };
    let wanted = args.settings.map(Wanted::read).transpose()?;
    let subnet = match args.specified_id {
        Some(id) => network.route(id).ok_or_else(|| {
            refuse(format!(
                "The `specified_id` {id} is invalid because it belongs to no subnet"
            ))
        })?,
        None => subnet,
    };
    let origin = Origin::Task;
    make(
        network,
        sender,
        &origin,
        subnet,
        wanted,
        balance,
        args.specified_id,
    )
}

fn make(
    network: &mut Network,
    sender: Principal,
    origin: &Origin,
    subnet: Principal,
    wanted: Option<Wanted>,
    balance: u128,
    specified: Option<Principal>,
) -> Answer {
    let mut settings = Settings {
        controllers: vec![sender],
        ..Settings::default()
    };
    let mut reservation = 0;
    if let Some(wanted) = wanted {
        let time = network.round_time;
        // the settings must suit the canister before there is an id for it
        let empty = Canister::new(sender, subnet, settings.clone(), balance, time);
        reservation = wanted.check(&empty)?;
        apply(&mut settings, wanted);
    }
    let record = CreationRecord {
        controllers: settings.controllers.clone(),
        environment_variables_hash: None,
    };
    let id = network.create(subnet, settings, balance - reservation, specified)?;
    let change = Change {
        timestamp_nanos: network.round_time,
        canister_version: 0,
        origin: change_origin(sender, origin, None),
        details: ChangeDetails::Creation(record),
    };
    let canister = network.canisters.get_mut(&id).expect("BUG: just made");
    canister.reserved = reservation;
    canister.changes.push(change);
    reply(&CanisterIdRecord { canister_id: id })
}

/// `provisional_top_up_canister`.
pub fn top_up(network: &mut Network, arg: &[u8]) -> Answer {
    let args: ProvisionalTopUpCanisterArgs = decode(arg)?;
    let amount = to_u128(&args.amount)?;
    network
        .add_cycles(args.canister_id, amount)
        .ok_or_else(|| Reject::not_found(args.canister_id))?;
    done()
}

/// `deposit_cycles`.
pub fn deposit(network: &mut Network, request: &mut Request) -> Answer {
    let args: CanisterIdRecord = decode(&request.arg)?;
    network
        .add_cycles(args.canister_id, request.cycles)
        .ok_or_else(|| {
            let mut reject = Reject::not_found(args.canister_id);
            reject.message.push('.');
            reject
        })?;
    request.cycles = 0;
    done()
}

fn to_u128(amount: &Nat) -> Result<u128, Reject> {
    u128::try_from(&amount.0)
        .map_err(|_| refuse(format!("{amount} cycles are more than 2^128 - 1")))
}
