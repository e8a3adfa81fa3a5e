//! Reports on canisters: their status, their history, and their logs.

use super::answers::{decode, refuse, reply};
use crate::prices;
use crate::replica::canister::{Change, Status};
use crate::replica::network::Network;
use crate::replica::types::{Answer, Reject};
use candid::{CandidType, Nat, Principal};
use ic_management_canister_types::{
    CanisterInfoArgs, CanisterLogRecord, CanisterStatusResult, CanisterStatusType,
    DefiniteCanisterSettings, EnvironmentVariable, FetchCanisterLogsArgs, FetchCanisterLogsResult,
    LogVisibility, MemoryMetrics, QueryStats, SnapshotVisibility, StatusVisibility,
};

/// `canister_status`.
pub fn status(network: &Network, id: Principal) -> Answer {
    const DAY: u128 = 86_400_000_000_000;
    let canister = &network.canisters[&id];
    let settings = &canister.settings;
    let code = canister.code.as_ref();
    let module = code.map(|c| &c.module);
    let custom: usize = module.map_or(0, |m| m.metadata.values().map(|(_, v)| v.len()).sum());
    let globals = module.map_or(0, |m| 8 * m.instrumented.mutable_globals.len());
    let nat = |n: usize| Nat::from(n as u64);
    reply(&CanisterStatusResult {
        status: match canister.status {
            Status::Running => CanisterStatusType::Running,
            Status::Stopping(_) => CanisterStatusType::Stopping,
            Status::Stopped => CanisterStatusType::Stopped,
        },
        ready_for_migration: false,
        version: canister.version,
        settings: DefiniteCanisterSettings {
            controllers: settings.controllers.clone(),
            compute_allocation: settings.compute_allocation.into(),
            memory_allocation: settings.memory_allocation.into(),
            freezing_threshold: settings.freezing_threshold.into(),
            reserved_cycles_limit: settings.reserved_cycles_limit.into(),
            log_visibility: settings.log_visibility.clone(),
            log_memory_limit: nat(prices::MAX_LOG),
            snapshot_visibility: SnapshotVisibility::Controllers,
            status_visibility: StatusVisibility::Controllers,
            minimum_incoming_canister_call_cycles: nat(0),
            wasm_memory_limit: settings.wasm_memory_limit.into(),
            wasm_memory_threshold: settings.wasm_memory_threshold.into(),
            environment_variables: settings
                .environment
                .iter()
                .map(|(name, value)| EnvironmentVariable {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect(),
        },
        module_hash: module.map(|m| m.hash.to_vec()),
        memory_size: canister.memory_bytes().into(),
        memory_metrics: MemoryMetrics {
            wasm_memory_size: canister.heap_bytes().into(),
            stable_memory_size: canister.stable_bytes().into(),
            global_memory_size: nat(globals),
            wasm_binary_size: nat(module.map_or(0, |m| m.size)),
            custom_sections_size: nat(custom),
            canister_history_size: nat(canister.history_bytes()),
            wasm_chunk_store_size: nat(canister.chunk_bytes()),
            snapshots_size: canister.snapshot_bytes().into(),
            log_memory_store_size: nat(0),
        },
        cycles: canister.balance.into(),
        reserved_cycles: canister.reserved.into(),
        idle_cycles_burned_per_day: prices::idle(
            canister.charged_bytes(),
            settings.compute_allocation,
            DAY,
        )
        .into(),
        query_stats: QueryStats {
            num_calls_total: nat(0),
            num_instructions_total: nat(0),
            request_payload_bytes_total: nat(0),
            response_payload_bytes_total: nat(0),
        },
    })
}

#[derive(CandidType)]
struct CanisterInfo {
    total_num_changes: u64,
    recent_changes: Vec<Change>,
    module_hash: Option<Vec<u8>>,
    controllers: Vec<Principal>,
}

/// `canister_info`.
pub fn info(network: &Network, arg: &[u8]) -> Answer {
    let args: CanisterInfoArgs = decode(arg)?;
    let canister = network.canisters.get(&args.canister_id);
    let canister = canister.ok_or_else(|| Reject::not_found(args.canister_id))?;
    let wanted = args.num_requested_changes.unwrap_or(0).min(20) as usize;
    let from = canister.changes.len().saturating_sub(wanted);
    reply(&CanisterInfo {
        total_num_changes: canister.changes.len() as u64,
        recent_changes: canister.changes[from..].to_vec(),
        module_hash: canister.code.as_ref().map(|c| c.module.hash.to_vec()),
        controllers: canister.settings.controllers.clone(),
    })
}

/// `fetch_canister_logs`.
pub fn logs(network: &Network, arg: &[u8], sender: Principal) -> Answer {
    let args: FetchCanisterLogsArgs = decode(arg)?;
    let canister = network.canisters.get(&args.canister_id);
    let canister = canister.ok_or_else(|| Reject::not_found(args.canister_id))?;
    let allowed = match &canister.settings.log_visibility {
        LogVisibility::Public => true,
        LogVisibility::Controllers => canister.is_controller(&sender),
        LogVisibility::AllowedViewers(viewers) => {
            viewers.contains(&sender) || canister.is_controller(&sender)
        }
    };
    if !allowed {
        return Err(refuse(format!(
            "Caller {sender} is not allowed to access canister logs"
        )));
    }
    if args.filter.is_some() {
        return Err(refuse("localnet has not built filters of canister logs"));
    }
    let records = canister.log.records.iter();
    reply(&FetchCanisterLogsResult {
        canister_log_records: records
            .map(|record| CanisterLogRecord {
                idx: record.index,
                timestamp_nanos: record.time,
                content: record.content.clone(),
            })
            .collect(),
    })
}
