//! The indexes of sessions of release 0.1.0, which had neither them nor the count of strangers.

use super::{LIMITS, Sessions, begin_as, open, spec};
use crate::regions::Regions;
use crate::session::standing::Standing::{Known, New};
use crate::session::types::{Counters, Limits, SessionId, SessionSpec};
use candid::Principal;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell, VectorMemory};

const MANY: Limits = Limits {
    active_per_owner: 10,
    active_per_scope: 10,
    active_total: 10_000,
    ..LIMITS
};

fn owner(n: u64) -> Principal {
    Principal::from_slice(&n.to_be_bytes())
}

/// A session of an owner in a scope of its own.
fn own(n: u64, idem: &str) -> SessionSpec {
    SessionSpec {
        owner: owner(n),
        ..spec(1, &format!("scope {n}"), idem, 4, 0)
    }
}

/// A memory with so many owners of three sessions each, as release 0.1.0 left it: one session is
/// finishing. Returns what the indexes must have in the end, too.
fn old(owners: u64) -> (VectorMemory, (u64, u64), Vec<SessionId>) {
    let memory = VectorMemory::default();
    let mut s = open(&memory, MANY);
    let mut ids = Vec::new();
    for n in 0..owners {
        for idem in ["a", "b", "c"] {
            ids.push(begin_as(&mut s, Known, own(n, idem), n).unwrap());
        }
        s.start_finishing(ids[ids.len() - 1], n);
    }
    let counters = s.counters();
    let indexed = s.holders.counts();
    drop(s);
    let regions = Regions::open(memory.clone()).sessions;
    StableBTreeMap::<[u8; 46], (), _>::init(regions.idle).clear_new();
    StableBTreeMap::<[u8; 43], (), _>::init(regions.holders).clear_new();
    // The golden bytes of a record of 0.1.0 read like this.
    write_counters_of_0_1_0(regions.counters, counters);
    (memory, indexed, ids)
}

/// Lets the timer do all owners that are left. Returns how many it did.
fn index_all(s: &mut Sessions) -> u64 {
    let mut turns = 0;
    while !s.is_indexed() {
        s.index_next_owner();
        turns += 1;
    }
    turns
}

#[test]
fn few_sessions_are_indexed_at_the_start() {
    let (memory, indexed, ids) = old(3);
    let mut s = open(&memory, MANY);
    assert!(s.is_indexed());
    assert_eq!(s.holders.counts(), indexed);
    assert_eq!(s.counters().strangers, Some(0));
    s.set_limits(Limits {
        active_total: 9,
        ..MANY
    });
    begin_as(&mut s, Known, own(7, "k"), 50).unwrap();
    assert_eq!(s.get(ids[0]), None, "the oldest one ended for it");
}

#[test]
fn many_sessions_are_indexed_owner_by_owner() {
    let (memory, indexed, _) = old(400);
    let mut s = open(&memory, MANY);
    assert_eq!(s.holders.counts(), (0, 0));
    for _ in 0..150 {
        assert!(s.index_next_owner());
    }
    assert_eq!(s.holders.counts(), (300, 150));
    // An upgrade in the middle loses nothing.
    let mut s = open(&memory, MANY);
    assert_eq!(s.holders.counts(), (300, 150));
    assert_eq!(index_all(&mut s), 400);
    assert_eq!(s.holders.counts(), indexed);
    assert!(!s.index_next_owner());
}

/// Every way in which an owner acts, before the timer has come to it.
#[test]
fn an_owner_who_acts_is_indexed_at_once() {
    type Act = fn(&mut Sessions, [SessionId; 3]);
    let acts: [(Act, (u64, u64)); 9] = [
        (|s, [a, ..]| s.touch(a, 500), (2, 1)),
        (|s, [a, ..]| s.advanced(a, 500), (2, 1)),
        (|s, [a, ..]| s.start_finishing(a, 500), (1, 1)),
        (|s, [.., c]| s.reopen(c, 500), (3, 1)),
        (|s, [.., c]| drop(s.commit(c, 500)), (2, 1)),
        (
            |s, [a, ..]| drop(s.abort(a, owner(300), 500).unwrap()),
            (1, 1),
        ),
        (|s, [.., c]| drop(s.end(c, 500)), (2, 1)),
        (|s, _| s.set_standing(owner(300), New), (2, 1)),
        (
            |s, _| assert!(begin_as(s, New, own(300, "d"), 500).is_ok()),
            (3, 1),
        ),
    ];
    for (number, (act, indexed)) in acts.into_iter().enumerate() {
        let (memory, ..) = old(400);
        let mut s = open(&memory, MANY);
        let ids: Vec<_> = s.list(Some(owner(300)), 3).iter().map(|m| m.id).collect();
        act(&mut s, ids.try_into().unwrap());
        assert_eq!(s.holders.counts(), indexed, "act {number}");
        assert!(!s.is_indexed());
        index_all(&mut s);
        let strangers = s.counters().strangers();
        let expected = [3, 4].get(number.wrapping_sub(7)).copied().unwrap_or(0);
        assert_eq!(strangers, expected, "act {number}");
    }
}

#[test]
fn the_sessions_of_an_owner_are_found_before_its_turn() {
    let (memory, ..) = old(400);
    let mut s = open(&memory, MANY);
    assert_eq!(s.pending_of(owner(300), 9).len(), 2);
    let (found, rest) = s.pending_in((owner(301), "scope 301"), None, 9);
    assert_eq!((found.len(), rest), (2, None));
    assert_eq!(s.holders.counts(), (4, 2));
}

#[test]
fn sessions_that_expire_meanwhile_leave_nothing() {
    let (memory, ..) = old(400);
    let mut s = open(&memory, MANY);
    s.index_next_owner();
    let ended = s.tick_ttl(10_000, 1_000);
    assert_eq!(ended.expired.len(), 800);
    index_all(&mut s);
    // The finishing ones stay.
    assert_eq!(s.holders.counts(), (0, 400));
}

/// A record as release 0.1.0 wrote it: without the last field.
struct OldCounters([u8; 33]);

impl ic_stable_structures::Storable for OldCounters {
    fn to_bytes(&self) -> std::borrow::Cow<'_, [u8]> {
        self.0.to_vec().into()
    }
    fn into_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
    fn from_bytes(bytes: std::borrow::Cow<[u8]>) -> Self {
        OldCounters(bytes[..33].try_into().unwrap())
    }
    const BOUND: ic_stable_structures::storable::Bound =
        ic_stable_structures::storable::Bound::Unbounded;
}

fn write_counters_of_0_1_0<M: Memory>(region: M, counters: Counters) {
    let mut bytes = canister_common::codec::encode(&counters);
    bytes.truncate(33);
    bytes[0] = 1;
    StableCell::new(region, OldCounters(bytes.try_into().unwrap()));
}
