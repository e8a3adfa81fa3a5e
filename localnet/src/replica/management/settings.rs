//! Reads, checks and applies the settings of a canister.

use super::answers::{bad_payload, decode, done, refuse};
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
        let out_of_range = |what: &str, range: &str, value: &dyn std::fmt::Display| {
            Reject::new(
                504,
                format!("{what} expected to be in the range {range}, got {value}"),
            )
        };
        let small = |what: &str, value: &Option<Nat>| {
            let Some(value) = value else { return Ok(None) };
            u64::try_from(&value.0).map(Some).map_err(|_| {
                let shown = value
                    .0
                    .to_string()
                    .parse()
                    .map_or(value.to_string(), cycles);
                out_of_range(what, "of [0..2^64-1]", &shown)
            })
        };
        let compute = small("Compute allocation", &settings.compute_allocation)?;
        if let Some(percent) = compute.filter(|p| *p > 100) {
            return Err(out_of_range("ComputeAllocation", "[0..100]", &percent));
        }
        let reserved = settings.reserved_cycles_limit.map(|n| {
            u128::try_from(&n.0)
                .map_err(|_| out_of_range("Reserved cycles limit", "of [0..2^128-1]", &n))
        });
        Ok(Self {
            controllers: settings.controllers,
            compute_allocation: compute,
            memory_allocation: small("Memory allocation", &settings.memory_allocation)?,
            freezing_threshold: small("Freezing threshold", &settings.freezing_threshold)?,
            reserved_cycles_limit: reserved.transpose()?,
            log_visibility: settings.log_visibility,
            wasm_memory_limit: small("Wasm memory limit", &settings.wasm_memory_limit)?,
            wasm_memory_threshold: small("Wasm memory threshold", &settings.wasm_memory_threshold)?,
            environment: settings
                .environment_variables
                .map(|variables| variables.into_iter().map(|v| (v.name, v.value)).collect()),
        })
    }

    /// Fails if the subnet lacks the memory or the canister the cycles.
    fn check(&self, canister: &Canister) -> Result<(), Reject> {
        if let Some(bytes) = self.memory_allocation.filter(|b| *b > 0) {
            if bytes > prices::available_bytes() {
                return Err(Reject::new(
                    101,
                    format!(
                        "Canister requested {bytes} B of memory but only {} B are available in the \
                         subnet.",
                        prices::available_bytes()
                    ),
                ));
            }
            let used = canister.memory_bytes();
            if bytes < used {
                return Err(Reject::new(
                    402,
                    format!(
                        "Canister was given {bytes} B memory allocation but at least {used} of \
                         memory is needed."
                    ),
                ));
            }
        }
        let compute = self.compute_allocation.unwrap_or(0);
        if compute > canister.settings.compute_allocation {
            let bytes = self
                .memory_allocation
                .map_or(canister.charged_bytes(), |m| m.max(canister.memory_bytes()));
            let threshold = self
                .freezing_threshold
                .unwrap_or(canister.settings.freezing_threshold);
            let needed = prices::freezing_reserve(bytes, compute, threshold, canister.reserved);
            if canister.balance < needed {
                return Err(Reject::new(
                    530,
                    format!(
                        "Cannot increase compute allocation to {compute}% due to insufficient \
                         cycles. At least {} additional cycles are required.",
                        cycles(needed - canister.balance)
                    ),
                ));
            }
        }
        Ok(())
    }
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
    let wanted = Wanted::read(args.settings)?;
    let time = network.round_time;
    let canister = network.canisters.get_mut(&args.canister_id);
    let canister = canister.ok_or_else(|| Reject::not_found(args.canister_id))?;
    wanted.check(canister)?;
    let controllers_change = wanted.controllers.is_some();
    apply(&mut canister.settings, wanted);
    canister.version += 1;
    if controllers_change {
        canister.changes.push(Change {
            timestamp_nanos: time,
            canister_version: canister.version,
            origin: change_origin(sender, origin),
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
