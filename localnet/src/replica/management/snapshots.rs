//! Snapshots of canisters: copies of code, memories, globals, certified data and chunks.

use super::answers::{allocation_too_small, decode, done, reply, with_help};
use super::history::change_origin;
use super::install::compile_cost;
use crate::prices;
use crate::replica::canister::{Canister, Change, Code, Snapshot};
use crate::replica::message::Origin;
use crate::replica::network::Network;
use crate::replica::types::{Answer, Reject};
use candid::{Principal, Reserved};
use ic_management_canister_types::{
    ChangeDetails, DeleteCanisterSnapshotArgs, LoadCanisterSnapshotArgs, LoadSnapshotRecord,
    Snapshot as Entry, SnapshotSource, TakeCanisterSnapshotArgs,
};

/// The id of a canister's snapshot: its number, then the id of the canister.
fn snapshot_id(canister: Principal, number: u64) -> Vec<u8> {
    [&number.to_be_bytes(), canister.as_slice()].concat()
}

/// The canister and the number in an id, if it has the form of one.
fn parts(id: &[u8]) -> Option<(Principal, u64)> {
    let (number, canister) = id.split_first_chunk()?;
    let canister = Principal::try_from_slice(canister).ok()?;
    Some((canister, u64::from_be_bytes(*number)))
}

fn entry(canister: Principal, number: u64, snapshot: &Snapshot) -> Entry {
    Entry {
        id: snapshot_id(canister, number),
        taken_at_timestamp: snapshot.taken_at,
        total_size: snapshot.bytes,
    }
}

/// Finds a snapshot of `canister`. Fails if there is none with this id, and if it belongs to
/// another canister.
pub fn find<'a>(
    network: &'a Network,
    canister: Principal,
    id: &[u8],
) -> Result<(u64, &'a Snapshot), Reject> {
    let (owner, number, snapshot) = find_any(network, canister, id)?;
    if owner != canister {
        let text = format!(
            "The snapshot {} does not belong to canister {canister}.",
            hex(id)
        );
        return Err(Reject::new(
            406,
            with_help(text, SEE_LIST, "canister-snapshot-invalid-ownership"),
        ));
    }
    Ok((number, snapshot))
}

const SEE_LIST: &str = "Use the `list_canister_snapshot` API to see which snapshots are present.";

/// Finds a snapshot of any canister. `canister` is the one in the text of the reject.
fn find_any<'a>(
    network: &'a Network,
    canister: Principal,
    id: &[u8],
) -> Result<(Principal, u64, &'a Snapshot), Reject> {
    parts(id)
        .and_then(|(owner, number)| {
            let snapshots = &network.canisters.get(&owner)?.snapshots;
            Some((owner, number, snapshots.get(&number)?))
        })
        .ok_or_else(|| {
            let text = format!(
                "Could not find the snapshot ID {} for canister {canister}.",
                hex(id)
            );
            Reject::new(
                305,
                with_help(text, SEE_LIST, "canister-snapshot-not-found"),
            )
        })
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_heap_delta(network: &Network, id: Principal) -> Result<(), Reject> {
    match network.heap_delta_excess(id) {
        None => Ok(()),
        Some(debit) => {
            let text = format!(
                "Canister {id} is heap delta rate limited: current delta debit is {debit}, but \
                 limit is {}.",
                prices::HEAP_DELTA_PER_ROUND
            );
            let help = "Try waiting a few seconds before retrying the operation.";
            Err(Reject::new(
                210,
                with_help(text, help, "canister-heap-delta-rate-limited"),
            ))
        }
    }
}

/// Takes the price of an operation on snapshots. Fails if the canister would freeze.
fn charge(canister: &mut Canister, instructions: u64) -> Result<(), Reject> {
    let price = prices::UPDATE_BASE + u128::from(instructions);
    let id = canister.id;
    canister.charge(price).map_err(|missing| {
        let error = Reject::out_of_cycles(id, missing).message;
        let text = format!("Canister snapshotting failed with: `{error}`");
        let help = "Try sending more cycles with the request. See documentation: \
                    canister-snapshot-not-enough-cycles";
        Reject::new(207, format!("{text}\n{help}"))
    })?;
    canister.statistics.management_cycles += price;
    Ok(())
}

/// Checks that a canister may use `bytes` of storage, and reserves the cycles for what is new.
fn pay_storage(canister: &mut Canister, before: u64, bytes: u64) -> Result<(), Reject> {
    let allocation = canister.settings.memory_allocation;
    if allocation > 0 && bytes > allocation {
        return Err(allocation_too_small(allocation, bytes));
    }
    if allocation > 0 || bytes <= before {
        return Ok(());
    }
    let reservation = prices::reservation(before, bytes - before);
    let limit = canister.settings.reserved_cycles_limit;
    let wanted = canister.reserved + reservation;
    if reservation > 0 && wanted > limit {
        return Err(Reject::new(
            534,
            with_help(
                format!(
                    "Canister cannot grow memory by {} bytes due to its reserved cycles limit. The \
                     current limit ({}) would be exceeded by {}.",
                    bytes - before,
                    prices::cycles(limit),
                    prices::cycles(wanted - limit)
                ),
                "Try increasing this canister's reserved cycles limit or moving it to a subnet \
                 with lower memory usage.",
                "reserved-cycles-limit-exceeded-in-memory-grow",
            ),
        ));
    }
    let settings = &canister.settings;
    let needed = reservation
        + prices::freezing_reserve(
            bytes,
            settings.compute_allocation,
            settings.freezing_threshold,
            wanted,
        );
    if canister.balance < needed {
        return Err(Reject::new(
            532,
            with_help(
                format!(
                    "Canister cannot grow memory by {} bytes due to insufficient cycles. At least \
                     {} additional cycles are required.",
                    bytes - before,
                    prices::cycles(needed - canister.balance)
                ),
                "Top up the canister with more cycles.",
                "insufficient-cycles-in-memory-grow-1",
            ),
        ));
    }
    canister.balance -= reservation;
    canister.reserved = wanted;
    Ok(())
}

fn no_memory(e: std::io::Error) -> Reject {
    Reject::new(
        101,
        format!("localnet has no memory left for this snapshot: {e}"),
    )
}

/// `take_canister_snapshot`.
pub fn take(network: &mut Network, arg: &[u8], sender: Principal, origin: &Origin) -> Answer {
    let args: TakeCanisterSnapshotArgs = decode(arg)?;
    let id = args.canister_id;
    let replaced = match &args.replace_snapshot {
        Some(replaced) => Some(find(network, id, replaced)?.0),
        None if network.canisters[&id].snapshots.len() >= prices::MAX_SNAPSHOTS => {
            return Err(Reject::new(
                406,
                format!(
                    "Canister {id} has reached the maximum number of snapshots allowed: {}.\n\
                     Consider deleting an unnecessary snapshot of the specified canister before \
                     creating a new one. See documentation: canister-snapshot-limit-exceeded",
                    prices::MAX_SNAPSHOTS
                ),
            ));
        }
        None => None,
    };
    check_heap_delta(network, id)?;
    let time = network.round_time;
    let canister = network.canisters.get_mut(&id).expect("BUG: checked before");
    let Some(code) = &canister.code else {
        return Err(Reject::new(
            406,
            format!("Failed to create snapshot for empty canister {id}:"),
        ));
    };
    let bytes = canister.heap_bytes()
        + canister.stable_bytes()
        + (code.module.stored_bytes() + canister.chunk_bytes() + canister.certified_data.len())
            as u64;
    let before = canister.memory_bytes();
    let freed = replaced.map_or(0, |number| canister.snapshots[&number].bytes);
    // checked on a copy of what it changes, so that a refused snapshot costs nothing
    let (balance, reserved) = (canister.balance, canister.reserved);
    let spent = canister.statistics.management_cycles;
    let paid = charge(canister, prices::SNAPSHOT_INSTRUCTIONS + bytes)
        .and_then(|()| pay_storage(canister, before, before + bytes - freed));
    if let Err(reject) = paid {
        (canister.balance, canister.reserved) = (balance, reserved);
        canister.statistics.management_cycles = spent;
        return Err(reject);
    }
    let code = canister.code.as_ref().expect("BUG: found above");
    let snapshot = Snapshot {
        taken_at: time,
        version: canister.version,
        code: Code {
            module: code.module.clone(),
            state: code.state.copy().map_err(no_memory)?,
        },
        certified_data: canister.certified_data.clone(),
        chunks: canister.chunks.clone(),
        bytes,
    };
    if let Some(number) = replaced {
        canister.snapshots.remove(&number);
    }
    canister.last_snapshot += 1;
    let number = canister.last_snapshot;
    let taken = entry(id, number, &snapshot);
    canister.snapshots.insert(number, snapshot);
    if args.uninstall_code == Some(true) {
        network.uninstall(id);
        let canister = network.canisters.get_mut(&id).expect("BUG: checked before");
        canister.changes.push(Change {
            timestamp_nanos: time,
            canister_version: canister.version,
            origin: change_origin(sender, origin, args.sender_canister_version),
            details: ChangeDetails::CodeUninstall,
        });
    }
    reply(&taken)
}

/// `load_canister_snapshot`. The snapshot may be one of another canister with the same controller.
pub fn load(network: &mut Network, arg: &[u8], sender: Principal, origin: &Origin) -> Answer {
    let args: LoadCanisterSnapshotArgs = decode(arg)?;
    let id = args.canister_id;
    check_heap_delta(network, id)?;
    let (owner, _, snapshot) = find_any(network, id, &args.snapshot_id)?;
    if !network.canisters[&owner].is_controller(&sender) {
        return Err(Reject::new(
            406,
            format!(
                "Only a controller of the canister that snapshot {} belongs to can load it on \
                 canister {id}. Sender: {sender}.\nMake sure you are a controller of the canister \
                 that the snapshot belongs to. See documentation: canister-snapshot-not-controller",
                hex(&args.snapshot_id)
            ),
        ));
    }
    let record = LoadSnapshotRecord {
        from_canister_id: (owner != id).then_some(owner),
        snapshot_id: args.snapshot_id.clone(),
        canister_version: snapshot.version,
        taken_at_timestamp: snapshot.taken_at,
        source: SnapshotSource::TakenFromCanister(Reserved),
    };
    let module = snapshot.code.module.clone();
    let state = snapshot.code.state.copy().map_err(no_memory)?;
    let certified_data = snapshot.certified_data.clone();
    let chunks = snapshot.chunks.clone();
    let bytes = snapshot.bytes;
    let compile = compile_cost(network, &module);
    let time = network.round_time;
    let canister = network.canisters.get_mut(&id).expect("BUG: checked before");
    let before = canister.memory_bytes();
    let (balance, reserved) = (canister.balance, canister.reserved);
    let spent = canister.statistics.management_cycles;
    let former = (
        canister.code.replace(Code { module, state }),
        std::mem::replace(&mut canister.chunks, chunks),
    );
    let after = canister.memory_bytes();
    let instructions = prices::SNAPSHOT_INSTRUCTIONS + bytes + compile;
    let paid = charge(canister, instructions).and_then(|()| pay_storage(canister, before, after));
    if let Err(reject) = paid {
        (canister.code, canister.chunks) = former;
        (canister.balance, canister.reserved) = (balance, reserved);
        canister.statistics.management_cycles = spent;
        return Err(reject);
    }
    canister.certified_data = certified_data;
    canister.version += 1;
    canister.changes.push(Change {
        timestamp_nanos: time,
        canister_version: canister.version,
        origin: change_origin(sender, origin, args.sender_canister_version),
        details: ChangeDetails::LoadSnapshot(record),
    });
    done()
}

/// `list_canister_snapshots`, the oldest first.
pub fn list(network: &Network, id: Principal) -> Answer {
    let snapshots = network.canisters[&id].snapshots.iter();
    let entries: Vec<Entry> = snapshots
        .map(|(number, snapshot)| entry(id, *number, snapshot))
        .collect();
    reply(&entries)
}

/// `delete_canister_snapshot`.
pub fn delete(network: &mut Network, arg: &[u8]) -> Answer {
    let args: DeleteCanisterSnapshotArgs = decode(arg)?;
    let (number, _) = find(network, args.canister_id, &args.snapshot_id)?;
    let canister = network.canisters.get_mut(&args.canister_id);
    let canister = canister.expect("BUG: checked before");
    canister.snapshots.remove(&number);
    done()
}
