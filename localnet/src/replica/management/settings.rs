//! Reads, checks and applies the settings of a canister.

use super::answers::{allocation_too_small, bad_payload, decode, done, refuse, with_help};
use super::history::change_origin;
use crate::prices;
use crate::prices::cycles;
use crate::replica::canister::{Canister, Change};
use crate::replica::message::Origin;
use crate::replica::network::Network;
use crate::replica::settings::Settings;
use crate::replica::types::{Answer, Reject};
use candid::{Nat, Principal};
use ic_management_canister_types::{
    CanisterSettings, ChangeDetails, ControllersChangeRecord, LogVisibility, SnapshotVisibility,
    StatusVisibility, UpdateSettingsArgs,
};
use std::collections::BTreeSet;

const MAX_CONTROLLERS: usize = 10;

/// The settings to change, with their ranges checked.
pub struct Wanted {
    controllers: Option<Vec<Principal>>,
    compute_allocation: Option<u64>,
    memory_allocation: Option<u64>,
    freezing_threshold: Option<u64>,
    reserved_cycles_limit: Option<u128>,
    log_visibility: Option<LogVisibility>,
    wasm_memory_limit: Option<u64>,
    wasm_memory_threshold: Option<u64>,
    environment: Option<Vec<(String, String)>>,
}

impl Wanted {
    /// Reads settings from Candid. Fails at a value outside its range.
    pub fn read(settings: CanisterSettings) -> Result<Self, Reject> {
        if let Some(controllers) = &settings.controllers
            && controllers.len() > MAX_CONTROLLERS
        {
            return Err(bad_payload(format!(
                "Fail to decode argument 0: Deserialize error: The number of elements exceeds \
                 maximum allowed {MAX_CONTROLLERS}"
            )));
        }
        check_built(&settings)?;
        let compute = small(
            &settings.compute_allocation,
            "ComputeAllocation",
            "[0..100]",
        )?;
        if let Some(percent) = compute.filter(|p| *p > 100) {
            return Err(out_of_range("ComputeAllocation", "[0..100]", &percent));
        }
        let memory = small(
            &settings.memory_allocation,
            "MemoryAllocation",
            "[0..18_446_744_073_709_551_615]",
        )?;
        const TO_2_64: &str = "of [0..2^64-1]";
        let threshold = small(&settings.freezing_threshold, "Freezing threshold", TO_2_64)?;
        let wasm_limit = small(&settings.wasm_memory_limit, "Wasm memory limit", TO_2_64)?;
        if let Some(limit) = wasm_limit.filter(|l| *l > prices::MAX_WASM_MEMORY_LIMIT) {
            let shown = cycles(limit.into());
            return Err(out_of_range("Wasm memory limit", TO_2_64, &shown));
        }
        let wasm_threshold = small(
            &settings.wasm_memory_threshold,
            "Wasm memory threshold",
            TO_2_64,
        )?;
        let reserved = settings.reserved_cycles_limit.map(|n| {
            u128::try_from(&n.0)
                .map_err(|_| out_of_range("Reserved cycles limit", "of [0..2^128-1]", &n))
        });
        let environment = settings.environment_variables.map(|variables| {
            let variables = variables.into_iter().map(|v| (v.name, v.value));
            variables.collect::<Vec<_>>()
        });
        let names: Option<BTreeSet<&String>> = environment
            .as_ref()
            .map(|e| e.iter().map(|(n, _)| n).collect());
        if names.map(|n| n.len()) != environment.as_ref().map(Vec::len) {
            return Err(Reject::new(
                408,
                "Duplicate environment variables are not allowed",
            ));
        }
        Ok(Self {
            controllers: settings.controllers,
            compute_allocation: compute,
            memory_allocation: memory,
            freezing_threshold: threshold,
            reserved_cycles_limit: reserved.transpose()?,
            log_visibility: settings.log_visibility,
            wasm_memory_limit: wasm_limit,
            wasm_memory_threshold: wasm_threshold,
            environment,
        })
    }

    /// The cycles that these settings move into the reserve. Fails if the subnet lacks the memory
    /// or the canister the cycles.
    pub fn check(&self, canister: &Canister) -> Result<u128, Reject> {
        let used = canister.memory_bytes();
        let former = &canister.settings;
        let allocation = self.memory_allocation.unwrap_or(former.memory_allocation);
        if let Some(bytes) = self.memory_allocation.filter(|b| *b > 0) {
            check_allocation(bytes, used)?;
        }
        let compute = self.compute_allocation.unwrap_or(former.compute_allocation);
        let threshold = self.freezing_threshold.unwrap_or(former.freezing_threshold);
        let bytes = allocation.max(used);
        let needed = prices::freezing_reserve(bytes, compute, threshold, canister.reserved);
        // settings that freeze the canister are allowed, but not a larger allocation in them
        if canister.balance < needed {
            if compute > former.compute_allocation {
                return Err(short_of_cycles(
                    530,
                    "compute",
                    &format!("{compute}%"),
                    needed - canister.balance,
                ));
            }
            if allocation > former.memory_allocation {
                let amount = prices::memory(allocation);
                let missing = needed - canister.balance;
                return Err(short_of_cycles(531, "memory", &amount, missing));
            }
        }
        let before = canister.charged_bytes();
        let reservation = prices::reservation(before, bytes.saturating_sub(before));
        let limit = self
            .reserved_cycles_limit
            .unwrap_or(former.reserved_cycles_limit);
        if canister.reserved > limit {
            return Err(Reject::new(
                540,
                with_help(
                    format!(
                        "Cannot set the reserved cycles limit {} below the reserved cycles balance \
                         of the canister {}.",
                        cycles(limit),
                        cycles(canister.reserved)
                    ),
                    "Set the reserved cycles limit in the canister settings to a value that is at \
                     least the current reserved cycles balance.",
                    "reserved-cycles-limit-is-too-low",
                ),
            ));
        }
        let wanted = canister.reserved + reservation;
        if wanted > limit {
            return Err(Reject::new(
                533,
                with_help(
                    format!(
                        "Cannot increase memory allocation to {} due to its reserved cycles limit. \
                         The current limit ({}) would be exceeded by {}.",
                        prices::memory(allocation),
                        cycles(limit),
                        cycles(wanted - limit)
                    ),
                    "Try increasing this canister's reserved cycles limit or moving it to a subnet \
                     with lower memory usage.",
                    "reserved-cycles-limit-exceeded-in-memory-allocation",
                ),
            ));
        }
        if canister.balance < reservation {
            let amount = prices::memory(allocation);
            let missing = reservation - canister.balance;
            return Err(short_of_cycles(531, "memory", &amount, missing));
        }
        Ok(reservation)
    }
}

fn check_allocation(bytes: u64, used: u64) -> Result<(), Reject> {
    if bytes > prices::available_bytes() {
        return Err(Reject::new(
            101,
            with_help(
                format!(
                    "Canister requested {} of memory but only {} are available in the subnet.",
                    prices::memory(bytes),
                    prices::memory(prices::available_bytes())
                ),
                "Try moving to another subnet.",
                "subnet-memory-capacity-oversubscribed",
            ),
        ));
    }
    if bytes < used {
        return Err(allocation_too_small(bytes, used));
    }
    Ok(())
}

fn short_of_cycles(error_code: u64, kind: &str, amount: &str, missing: u128) -> Reject {
    Reject::new(
        error_code,
        with_help(
            format!(
                "Cannot increase {kind} allocation to {amount} due to insufficient cycles. At \
                 least {} additional cycles are required.",
                cycles(missing)
            ),
            "Top up the canister with more cycles.",
            &format!("insufficient-cycles-in-{kind}-allocation"),
        ),
    )
}

fn out_of_range(what: &str, range: &str, value: &dyn std::fmt::Display) -> Reject {
    Reject::new(
        504,
        format!("{what} expected to be in the range {range}, got {value}"),
    )
}

/// A number of at most 64 bits.
fn small(value: &Option<Nat>, what: &str, range: &str) -> Result<Option<u64>, Reject> {
    let Some(value) = value else { return Ok(None) };
    u64::try_from(&value.0).map(Some).map_err(|_| {
        let shown = value
            .0
            .to_string()
            .parse()
            .map_or(value.to_string(), cycles);
        out_of_range(what, range, &shown)
    })
}

/// Fails at a setting that localnet does not implement, unless it has its default value.
fn check_built(settings: &CanisterSettings) -> Result<(), Reject> {
    let is_other =
        |value: &Option<Nat>, usual: usize| value.as_ref().is_some_and(|value| *value != usual);
    let calls = &settings.minimum_incoming_canister_call_cycles;
    let others = [
        (is_other(calls, 0), "minimum_incoming_canister_call_cycles"),
        (
            is_other(&settings.log_memory_limit, prices::MAX_LOG),
            "log_memory_limit",
        ),
        (
            !matches!(
                &settings.snapshot_visibility,
                None | Some(SnapshotVisibility::Controllers)
            ),
            "snapshot_visibility",
        ),
        (
            !matches!(
                &settings.status_visibility,
                None | Some(StatusVisibility::Controllers)
            ),
            "status_visibility",
        ),
    ];
    match others.iter().find(|(other, _)| *other) {
        Some((_, name)) => Err(refuse(format!(
            "localnet has not built the setting {name}, expected it to be left as it is at first"
        ))),
        None => Ok(()),
    }
}

/// The check on an `update_settings` from outside before the network accepts it.
pub fn check(arg: &[u8]) -> Result<(), Reject> {
    let args: UpdateSettingsArgs = decode(arg)?;
    match Wanted::read(args.settings) {
        Err(reject) if reject.error_code == 408 => Err(reject),
        _ => Ok(()),
    }
}

/// `update_settings`.
pub fn update(network: &mut Network, arg: &[u8], sender: Principal, origin: &Origin) -> Answer {
    let args: UpdateSettingsArgs = decode(arg)?;
    let sender_version = args.sender_canister_version;
    let wanted = Wanted::read(args.settings)?;
    let time = network.round_time;
    let canister = network.canisters.get_mut(&args.canister_id);
    let canister = canister.ok_or_else(|| Reject::not_found(args.canister_id))?;
    let reservation = wanted.check(canister)?;
    let controllers_change = wanted.controllers.is_some();
    apply(&mut canister.settings, wanted);
    canister.balance -= reservation;
    canister.reserved += reservation;
    canister.version += 1;
    if controllers_change {
        canister.changes.push(Change {
            timestamp_nanos: time,
            canister_version: canister.version,
            origin: change_origin(sender, origin, sender_version),
            details: ChangeDetails::ControllersChange(ControllersChangeRecord {
                controllers: canister.settings.controllers.clone(),
            }),
        });
    }
    done()
}

/// Changes the wanted settings and leaves the others.
pub fn apply(settings: &mut Settings, wanted: Wanted) {
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    let controllers = wanted.controllers.map(|mut list| {
        list.sort();
        list.dedup();
        list
    });
    set(&mut settings.controllers, controllers);
    set(&mut settings.compute_allocation, wanted.compute_allocation);
    set(&mut settings.memory_allocation, wanted.memory_allocation);
    set(&mut settings.freezing_threshold, wanted.freezing_threshold);
    set(
        &mut settings.reserved_cycles_limit,
        wanted.reserved_cycles_limit,
    );
    set(&mut settings.log_visibility, wanted.log_visibility);
    set(&mut settings.wasm_memory_limit, wanted.wasm_memory_limit);
    set(
        &mut settings.wasm_memory_threshold,
        wanted.wasm_memory_threshold,
    );
    set(&mut settings.environment, wanted.environment);
}
