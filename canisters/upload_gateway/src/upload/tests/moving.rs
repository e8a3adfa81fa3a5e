//! Blobs that move from store to store: faults at each call, upgrades, deletions meanwhile.

use super::trash::{DAY, MEMORY, committed};
use super::world::*;
use crate::failure::Failure;
use candid::Principal;
use capsule_shared::blob_store::{PullProgress, SharedBlob, StoredBlob};
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::operators::{StoreMemory, StorePage};
use capsule_shared::stores::StoreState;
use capsule_shared::{BlobKey, Error, Result};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

// ---- the stores and the index ------------------------------------------------------------------

impl Net {
    pub(super) fn meta(&self, key: BlobKey) -> Result<StoredBlob> {
        let blob = self.blobs.get(&key).filter(|blob| !blob.deleting);
        let blob = blob.ok_or(Error::NotFound)?;
        Ok(StoredBlob {
            gateway: id(GATEWAY),
            owner: Some(id(GATEWAY)),
            bytes: blob.chunks.values().map(|chunk| chunk.len() as u64).sum(),
            chunk_count: blob.chunks.len() as u32,
            sealed: blob.sealed,
        })
    }

    pub(super) fn share(&mut self, key: BlobKey, with: Principal) -> Result<SharedBlob> {
        let meta = self.meta(key)?;
        assert!(meta.sealed, "an open blob is shared");
        self.shares.insert((key, with));
        Ok(SharedBlob {
            bytes: meta.bytes,
            chunk_count: meta.chunk_count,
            chunk_bytes: self.blobs[&key].chunks[&0].len() as u32,
        })
    }

    /// Copies one chunk from `source`.
    pub(super) fn pull(
        &mut self,
        source: &Net,
        own: Principal,
        key: BlobKey,
        shared: SharedBlob,
    ) -> Result<PullProgress> {
        let copy = self.blobs.get_mut(&key).ok_or(Error::NotFound)?;
        let next = copy.chunks.len() as u32;
        if next == shared.chunk_count {
            return Ok(PullProgress::Done);
        }
        assert!(!copy.sealed, "a chunk is pulled into a sealed blob");
        if !source.shares.contains(&(key, own)) {
            return Ok(PullProgress::NotShared);
        }
        let original = source.blobs.get(&key);
        let original = original.ok_or_else(|| Error::conflict("the source has no such blob"))?;
        copy.chunks.insert(next, original.chunks[&next].clone());
        let left = shared.chunk_count - next - 1;
        Ok(match left {
            0 => PullProgress::Done,
            _ => PullProgress::Remaining(left.into()),
        })
    }

    /// A page of at most two memories.
    pub(super) fn in_store(&self, store: Principal, after: Option<String>) -> StorePage {
        let inside = self.memories.values().filter(|m| m.place.store == store);
        let mut ids: Vec<_> = inside
            .filter(|m| after.as_ref().is_none_or(|after| m.id > *after))
            .map(|m| m.id.clone())
            .take(3)
            .collect();
        let more = ids.len() > 2;
        ids.truncate(2);
        let memories = ids.iter().map(|id| {
            let memory = &self.memories[id];
            StoreMemory {
                id: memory.id.clone(),
                gateway: memory.gateway,
                session_id: memory.session_id,
                owner: self.owners.get(id).copied().unwrap_or(memory.gateway),
                place: memory.place.clone(),
                sha256: memory.sha256.clone(),
                in_trash: self.trash.contains_key(id),
                taken_down: false,
            }
        });
        StorePage {
            memories: memories.collect(),
            next: ids.last().filter(|_| more).cloned(),
        }
    }

    pub(super) fn relocate(
        &mut self,
        (memory, from, to): (String, Principal, Principal),
    ) -> Result<()> {
        let memory = self.memories.get_mut(&memory).ok_or(Error::NotFound)?;
        let store = &mut memory.place.store;
        if *store != from && *store != to {
            return Err(Error::conflict("another store"));
        }
        *store = to;
        Ok(())
    }
}

// ---- helpers -----------------------------------------------------------------------------------

/// A committed upload of two chunks in `STORE`, and another store without a blob.
fn two_stores() -> (World, Service) {
    let (world, service, _) = committed();
    run(service.add_store(id(OTHER_STORE))).unwrap();
    (world, service)
}

fn drain(service: &Service, store: u8) {
    service
        .set_store_state(id(store), StoreState::Draining)
        .unwrap();
}

fn place(world: &World) -> Principal {
    world.net().memories[MEMORY].place.store
}

fn blobs(world: &World) -> (usize, usize) {
    (world.net().blobs.len(), world.other.borrow().blobs.len())
}

fn pass(world: &World, service: &Service, seconds: u64) {
    for minute in 0..seconds.div_ceil(MINUTE) {
        // Later on nothing happens but deletions and repetitions.
        match minute {
            0..15 => world.pass(service, MINUTE),
            _ if minute % 15 == 0 => world.pass(service, 15 * MINUTE),
            _ => {}
        }
    }
}

/// The memory lies in the other store only, whole.
fn has_moved(world: &World, case: &str) {
    assert_eq!(place(world), id(OTHER_STORE), "{case}");
    assert_eq!(blobs(world), (0, 1), "{case}");
    let other = world.other.borrow();
    let copy = other.blobs.values().next().unwrap();
    let bytes: Vec<u8> = copy.chunks.values().flatten().copied().collect();
    assert!(copy.sealed, "{case}");
    assert_eq!(bytes, FILE, "{case}");
}

fn no_jobs(service: &Service, case: &str) {
    let told = service.cleanup_expired();
    assert!(told.ends_with("Queued jobs: 0"), "{case}: {told}");
}

// ---- tests -------------------------------------------------------------------------------------

#[test]
fn a_store_that_is_drained_becomes_empty() {
    let (world, service) = two_stores();
    drain(&service, STORE);
    pass(&world, &service, 5 * MINUTE);
    // Readers that asked for the place before still find the bytes.
    assert_eq!(place(&world), id(OTHER_STORE));
    assert_eq!(blobs(&world), (1, 1));
    assert!(run(service.retire_store(id(STORE))).is_err());
    pass(&world, &service, HOUR);
    has_moved(&world, "drained");
    run(service.retire_store(id(STORE))).unwrap();
    no_jobs(&service, "drained");
}

#[test]
fn all_blobs_of_a_store_move_page_by_page() {
    let (world, service) = two_stores();
    service
        .set_store_state(id(OTHER_STORE), StoreState::ReadOnly)
        .unwrap();
    for number in 0..9 {
        committed_as(&service, &format!("another {number}"));
    }
    service
        .set_store_state(id(OTHER_STORE), StoreState::Active)
        .unwrap();
    drain(&service, STORE);
    pass(&world, &service, 2 * HOUR);
    assert_eq!(blobs(&world), (0, 10));
    no_jobs(&service, "ten");
}

/// The first store keeps a memory of another gateway, and the search must go on behind it.
#[test]
fn two_stores_are_drained_at_once() {
    let (world, service) = two_stores();
    let third = id(105);
    let mut now = world.net().now;
    service.with(|state| {
        state.store_added(third, None, now).unwrap();
        for store in [STORE, OTHER_STORE] {
            state
                .store_state_set(id(store), StoreState::Draining, now)
                .unwrap();
        }
        for store in [STORE, OTHER_STORE, STORE] {
            now += HOUR * SECOND;
            let (_asking, drain) = state.search_begun(id(INDEX), now).unwrap();
            assert_eq!((drain.store, &drain.after), (id(store), &None));
            state.search_ended(drain, now);
        }
    });
}

/// The index answers with a memory that is deleted before the answer arrives.
#[test]
fn a_memory_that_is_deleted_while_the_index_answers_leaves_nothing() {
    let (world, service) = two_stores();
    let at_once = GatewayArgs {
        trash_retention_ns: Some(0),
        ..GatewayArgs::default()
    };
    service.configure(at_once).unwrap();
    drain(&service, STORE);
    world.net().held.insert("memories_of_store");
    world.net().now += MINUTE * SECOND;
    let mut turn = Box::pin(service.tick());
    while !world.net().calls.contains(&"memories_of_store") {
        assert!(poll(&mut turn).is_pending());
    }
    run(service.delete_memory(id(OWNER), MEMORY.into())).unwrap();
    // Another turn deletes the blob meanwhile.
    for _ in 0..3 {
        world.net().armed = None;
        let mut other = Box::pin(service.tick());
        let _ended = (0..20).any(|_| poll(&mut other).is_ready());
    }
    assert_eq!(blobs(&world), (0, 0));
    world.net().held.clear();
    run(turn);
    for _ in 0..3 {
        world.pass(&service, DAY);
    }
    assert_eq!(blobs(&world), (0, 0));
    no_jobs(&service, "deleted");
    assert!(service.with(|state| state.has_room_for_moves()));
}

/// Another gateway moved it on and handed it back.
#[test]
fn a_deletion_reaches_a_store_that_only_the_index_knows() {
    let (world, service) = two_stores();
    drain(&service, STORE);
    pass(&world, &service, 3 * HOUR);
    has_moved(&world, "drained");
    let (key, blob) = world.other.borrow_mut().blobs.pop_first().unwrap();
    world.net().blobs.insert(key, blob);
    let mut net = world.net();
    net.memories.get_mut(MEMORY).unwrap().place.store = id(STORE);
    drop(net);
    run(service.delete_memory(id(OWNER), MEMORY.into())).unwrap();
    run(service.purge_memory(id(OWNER), MEMORY.into())).unwrap();
    pass(&world, &service, HOUR);
    assert_eq!(blobs(&world), (0, 0));
}

#[test]
fn a_move_survives_a_fault_of_each_call() {
    let faults = [
        Fault::NotSent,
        Fault::Rejected,
        Fault::LostReply,
        Fault::NoMethod,
        Fault::Refused(Error::temporary("busy")),
    ];
    for fault in faults {
        for method in [
            "memories_of_store",
            "blob_share",
            "blob_meta",
            "blob_open",
            "blob_pull",
            "blob_seal",
            "blob_digest",
            "memory_relocate",
            "blob_delete",
        ] {
            let case = format!("{method}: {fault:?}");
            let (world, service) = two_stores();
            drain(&service, STORE);
            world.fail(method, fault.clone());
            let at_other = [(method, [fault.clone()].into())];
            world.other.borrow_mut().faults = at_other.into();
            pass(&world, &service, 3 * HOUR);
            has_moved(&world, &case);
            no_jobs(&service, &case);
        }
    }
}

#[test]
fn a_move_survives_an_upgrade_after_each_call() {
    for calls in 0..40 {
        let (world, mut service) = two_stores();
        drain(&service, STORE);
        world.net().now += MINUTE * SECOND;
        // Polls the timer's turn so often, and forgets the rest with the heap.
        for _ in 0..calls / 8 {
            run(service.tick());
        }
        {
            let mut turn = Box::pin(service.tick());
            let _stopped = (0..calls % 8).any(|_| poll(&mut turn).is_ready());
        }
        service = world.start();
        pass(&world, &service, 3 * HOUR);
        has_moved(&world, &format!("{calls} polls"));
        no_jobs(&service, &format!("{calls} polls"));
    }
}

#[test]
fn a_memory_that_is_deleted_meanwhile_takes_its_copy_along() {
    for lost in [false, true] {
        for turns in 0..14 {
            let (world, service) = two_stores();
            drain(&service, STORE);
            world.net().now += MINUTE * SECOND;
            for _ in 0..turns {
                run(service.tick());
            }
            let case = format!("{turns} turns, lost: {lost}");
            run(service.delete_memory(id(OWNER), MEMORY.into())).unwrap();
            if lost {
                world.fail("memory_expire", Fault::LostReply);
                world.fail("memory_delete", Fault::LostReply);
            }
            // The first one may be lost.
            let _ = run(service.purge_memory(id(OWNER), MEMORY.into()));
            pass(&world, &service, 3 * HOUR);
            assert!(world.net().memories.is_empty(), "{case}");
            assert_eq!(blobs(&world), (0, 0), "{case}");
            // The deletion is remembered for a day.
            for _ in 0..33 {
                world.pass(&service, DAY);
            }
            no_jobs(&service, &case);
        }
    }
}

#[test]
fn a_memory_in_the_trash_moves_and_goes_in_its_time() {
    for restored in [false, true] {
        let (world, service) = two_stores();
        run(service.delete_memory(id(OWNER), MEMORY.into())).unwrap();
        drain(&service, STORE);
        pass(&world, &service, 2 * HOUR);
        has_moved(&world, "trashed");
        if restored {
            run(service.restore_memory(id(OWNER), MEMORY.into())).unwrap();
        } else {
            // The answer is lost, so the job only knows the former store.
            world.fail("memory_expire", Fault::LostReply);
        }
        for _ in 0..32 {
            world.pass(&service, DAY);
        }
        match restored {
            true => has_moved(&world, "restored"),
            false => assert_eq!(blobs(&world), (0, 0)),
        }
        no_jobs(&service, "trash");
    }
}

#[test]
fn a_move_that_isnt_wanted_any_more_leaves_no_copy() {
    for (store, state) in [
        (STORE, StoreState::Active),
        (OTHER_STORE, StoreState::ReadOnly),
        (OTHER_STORE, StoreState::Offline),
    ] {
        for turns in 0..8 {
            let case = format!("{state:?} after {turns} turns");
            let (world, service) = two_stores();
            drain(&service, STORE);
            world.net().now += MINUTE * SECOND;
            for _ in 0..turns {
                run(service.tick());
            }
            service.set_store_state(id(store), state).unwrap();
            pass(&world, &service, 3 * HOUR);
            let at_home = place(&world) == id(STORE);
            let expected = if at_home { (1, 0) } else { (0, 1) };
            assert_eq!(blobs(&world), expected, "{case}");
            no_jobs(&service, &case);
        }
    }
}

#[test]
fn a_copy_with_other_bytes_is_thrown_away_and_the_original_stays() {
    let (world, service) = two_stores();
    let key = *world.net().blobs.keys().next().unwrap();
    let changed = b"fir5t".to_vec();
    world
        .net()
        .blobs
        .get_mut(&key)
        .unwrap()
        .chunks
        .insert(0, changed);
    drain(&service, STORE);
    pass(&world, &service, 3 * HOUR);
    {
        let n = world.net();
        eprintln!("{:?} {:?}", n.calls, n.log);
    }
    eprintln!("{:?}", world.other.borrow().calls);
    eprintln!("{:?}", service.stores());
    assert_eq!(place(&world), id(STORE));
    assert_eq!(blobs(&world), (1, 0));
    let log = world.net().log.join("\n");
    assert_eq!(log.matches("its SHA-256 differs").count(), 1, "{log}");
    // It is tried again a day later, when it may be mended.
    let right = b"first".to_vec();
    world
        .net()
        .blobs
        .get_mut(&key)
        .unwrap()
        .chunks
        .insert(0, right);
    pass(&world, &service, 27 * HOUR);
    has_moved(&world, "mended");
}

#[test]
fn a_blob_moves_back_after_the_grace_period() {
    let (world, service) = two_stores();
    drain(&service, STORE);
    pass(&world, &service, 5 * MINUTE);
    assert_eq!(place(&world), id(OTHER_STORE));
    service
        .set_store_state(id(STORE), StoreState::Active)
        .unwrap();
    drain(&service, OTHER_STORE);
    pass(&world, &service, 30 * MINUTE);
    assert_eq!(place(&world), id(OTHER_STORE), "it rests");
    pass(&world, &service, 3 * HOUR);
    assert_eq!(place(&world), id(STORE));
    assert_eq!(blobs(&world), (1, 0));
    no_jobs(&service, "back");
}

#[test]
fn uploads_in_a_store_that_is_drained_end_there_and_move_then() {
    let (world, service, _) = committed();
    let session = begin(&service, "later", 2).unwrap();
    put(&service, session, 0, b"first").unwrap();
    run(service.add_store(id(OTHER_STORE))).unwrap();
    drain(&service, STORE);
    pass(&world, &service, 10 * MINUTE);
    put(&service, session, 1, b"last").unwrap();
    finish(&service, session, FILE).unwrap();
    pass(&world, &service, 2 * HOUR);
    assert_eq!(blobs(&world), (0, 2));
    no_jobs(&service, "later");
}

#[test]
fn the_only_store_cant_be_drained() {
    let (_world, service, _) = committed();
    let refused = service.set_store_state(id(STORE), StoreState::Draining);
    assert!(matches!(refused, Err(Failure::Conflict(_))), "{refused:?}");
}

#[test]
fn the_memory_of_another_gateway_stays() {
    let (world, service) = two_stores();
    world.net().owners.insert(MEMORY.into(), id(50));
    drain(&service, STORE);
    pass(&world, &service, 2 * HOUR);
    assert_eq!(blobs(&world), (1, 0));
    no_jobs(&service, "another's");
}
