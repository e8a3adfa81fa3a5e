//! The session layer against a simple model: random operations, restarts included, and what must hold after each.

use super::chunks::ChunkAdmission;
use super::ledger::{BeginReservation, ChunkReservation, FinishGuard};
use super::service::Begin;
use super::tests::{LIMITS, Sessions, open, spec, user};
use super::types::*;
use ic_stable_structures::VectorMemory;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const LIMITS_HERE: Limits = Limits {
    bytes_per_scope: 200,
    ..LIMITS
};

fn limits(window: u32) -> Limits {
    Limits {
        reorder_window: window,
        ..LIMITS_HERE
    }
}

#[derive(Clone, Debug)]
enum Op {
    ReserveBegin {
        owner: u8,
        scope: u8,
        key: u8,
        chunks: u32,
        declared: bool,
    },
    SettleBegin {
        which: usize,
        make: bool,
    },
    Reserve {
        id: u64,
        owner: u8,
        index: u32,
        len: usize,
    },
    Settle {
        which: usize,
        confirm: bool,
    },
    Finish {
        id: u64,
        owner: u8,
    },
    Commit {
        id: u64,
        refused: bool,
    },
    Abort {
        id: u64,
        owner: u8,
    },
    Tick {
        by: u64,
    },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let (id, owner) = (1..8u64, 1..4u8);
    prop_oneof![
        3 => (owner.clone(), 0..3u8, 0..3u8, 1..12u32, any::<bool>()).prop_map(
            |(owner, scope, key, chunks, declared)| Op::ReserveBegin { owner, scope, key, chunks, declared }
        ),
        3 => (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, make)| Op::SettleBegin { which, make }),
        12 => (id.clone(), owner.clone(), 0..12u32, prop_oneof![4 => Just(10usize), 1 => 0..12usize])
            .prop_map(|(id, owner, index, len)| Op::Reserve { id, owner, index, len }),
        10 => (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, confirm)| Op::Settle { which, confirm }),
        4 => (id.clone(), owner.clone()).prop_map(|(id, owner)| Op::Finish { id, owner }),
        3 => (id.clone(), prop::bool::weighted(0.2)).prop_map(|(id, refused)| Op::Commit { id, refused }),
        1 => (id, owner).prop_map(|(id, owner)| Op::Abort { id, owner }),
        2 => (0..60u64).prop_map(|by| Op::Tick { by }),
        1 => Just(Op::Restart),
    ]
}

/// What the model remembers of one session.
#[derive(Clone, Debug)]
struct Known {
    spec: SessionSpec,
    status: SessionStatus,
    last_seen: u64,
    /// index -> bytes
    received: BTreeMap<u32, u64>,
}

impl Known {
    fn active(&self) -> bool {
        !matches!(self.status, SessionStatus::Committed { .. })
    }

    fn bytes(&self) -> u64 {
        self.received.values().sum()
    }
}

struct World {
    memory: VectorMemory,
    sessions: Sessions,
    window: u32,
    now: u64,
    known: BTreeMap<u64, Known>,
    ids: BTreeSet<u64>,
    begins: Vec<(BeginReservation, SessionSpec)>,
    chunks: Vec<(ChunkReservation, u64, u32, u64)>,
    guards: Vec<FinishGuard>,
}

impl World {
    fn new(window: u32) -> Self {
        let memory = VectorMemory::default();
        World {
            sessions: open(&memory, limits(window)),
            window,
            memory,
            now: 1_000,
            known: BTreeMap::new(),
            ids: BTreeSet::new(),
            begins: Vec::new(),
            chunks: Vec::new(),
            guards: Vec::new(),
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::ReserveBegin {
                owner,
                scope,
                key,
                chunks,
                declared,
            } => {
                let bytes = if declared { u64::from(chunks) * 10 } else { 0 };
                let spec = spec(
                    owner,
                    &format!("s{scope}"),
                    &format!("k{key}"),
                    chunks,
                    bytes,
                );
                let same_key = |old: &SessionSpec| {
                    (old.owner, &old.scope, &old.idem) == (spec.owner, &spec.scope, &spec.idem)
                };
                let existing = self.known.iter().find(|(_, known)| same_key(&known.spec));
                let beginning = self.begins.iter().any(|(_, old)| same_key(old));
                match (self.sessions.reserve_begin(spec.clone()), existing) {
                    (Ok(Begin::Existing(id)), Some((known_id, known))) => {
                        assert_eq!((id.0, &known.spec), (*known_id, &spec));
                    }
                    (Ok(Begin::Reserved(reservation)), None) => {
                        assert!(!beginning, "one key, two begins");
                        self.begins.push((reservation, spec));
                    }
                    (Ok(_), _) => panic!("a key lost its session"),
                    (Err(_), _) => {}
                }
            }
            Op::SettleBegin { which, make } => {
                if self.begins.is_empty() {
                    return;
                }
                let (reservation, spec) = self.begins.remove(which % self.begins.len());
                if !make || self.sessions.check_bytes(&reservation, 0).is_err() {
                    return;
                }
                let id = self.sessions.allocate_id();
                assert!(self.ids.insert(id.0), "an id was used again");
                self.sessions.begin_with_id(id, reservation, 0, self.now);
                let known = Known {
                    spec,
                    status: SessionStatus::Pending,
                    last_seen: self.now,
                    received: BTreeMap::new(),
                };
                self.known.insert(id.0, known);
            }
            Op::Reserve {
                id,
                owner,
                index,
                len,
            } => {
                let admitted =
                    self.sessions
                        .reserve_chunk(SessionId(id), user(owner), index, len, self.now);
                let Ok(admission) = admitted else { return };
                let known = self.known.get_mut(&id).expect("a chunk for no session");
                assert_eq!(known.status, SessionStatus::Pending);
                assert_eq!(known.spec.owner, user(owner));
                assert!(index < known.spec.expected_chunks && len > 0);
                known.last_seen = self.now;
                match admission {
                    ChunkAdmission::Duplicate => assert!(known.received.contains_key(&index)),
                    ChunkAdmission::New(chunk) => {
                        assert!(!known.received.contains_key(&index));
                        let in_flight = self.chunks.iter().any(|c| (c.1, c.2) == (id, index));
                        assert!(!in_flight, "one index twice in flight");
                        self.chunks.push((chunk, id, index, len as u64));
                    }
                }
            }
            Op::Settle { which, confirm } => {
                if self.chunks.is_empty() {
                    return;
                }
                let (chunk, id, index, len) = self.chunks.remove(which % self.chunks.len());
                if !confirm {
                    return;
                }
                let confirmed = self.sessions.confirm_chunk(chunk, self.now);
                match self.known.get_mut(&id) {
                    None => assert_eq!(confirmed, Err(crate::failure::Failure::NotFound)),
                    Some(known) => {
                        confirmed.expect("a written chunk of a living session was refused");
                        known.received.insert(index, len);
                        known.last_seen = self.now;
                    }
                }
            }
            Op::Finish { id, owner } => {
                let Ok(meta) = self.sessions.owned(SessionId(id), user(owner)) else {
                    return;
                };
                let total = meta.bytes_received;
                let complete = self.sessions.check_complete(&meta, total).is_ok();
                let known = self.known.get_mut(&id).expect("a session nobody began");
                let all = known.received.len() == known.spec.expected_chunks as usize;
                let declared = known.spec.bytes_expected;
                assert_eq!(
                    complete,
                    all && (declared == 0 || declared == known.bytes())
                );
                if complete && known.status == SessionStatus::Pending {
                    self.guards
                        .extend(self.sessions.guard_finish(SessionId(id)));
                    self.sessions.start_finishing(SessionId(id), self.now);
                    known.status = SessionStatus::Finishing;
                    known.last_seen = self.now;
                }
            }
            Op::Commit { id, refused } => {
                let Some(known) = self.known.get_mut(&id) else {
                    return;
                };
                if known.status != SessionStatus::Finishing {
                    return;
                }
                self.guards.retain(|guard| guard.session() != SessionId(id));
                known.last_seen = self.now;
                if refused {
                    self.sessions.reopen(SessionId(id), self.now);
                    known.status = SessionStatus::Pending;
                } else {
                    self.sessions.commit(SessionId(id), self.now);
                    known.status = SessionStatus::Committed {
                        completed_at: self.now,
                    };
                }
            }
            Op::Abort { id, owner } => {
                if let Ok(Some(ended)) = self.sessions.abort(SessionId(id), user(owner)) {
                    let known = self.known.remove(&id).expect("aborted twice");
                    assert_eq!(known.status, SessionStatus::Pending);
                    assert_eq!(ended.status, SessionStatus::Aborted);
                }
            }
            Op::Tick { by } => {
                self.now += by;
                let now = self.now;
                let ticked = self.sessions.tick_ttl(now, 100);
                let (expired, retired): (Vec<_>, Vec<_>) = (
                    ticked.expired.iter().map(|m| m.id.0).collect(),
                    ticked.retired.iter().map(|m| m.id.0).collect(),
                );
                self.known.retain(|id, known| {
                    let over = match known.status {
                        SessionStatus::Pending => now - known.last_seen > LIMITS_HERE.ttl,
                        SessionStatus::Committed { completed_at } => {
                            now - completed_at > LIMITS_HERE.retention
                        }
                        _ => false,
                    };
                    assert_eq!(over, expired.contains(id) || retired.contains(id), "{id}");
                    !over
                });
            }
            Op::Restart => {
                self.begins.clear();
                self.chunks.clear();
                self.guards.clear();
                self.sessions = open(&self.memory, limits(self.window));
            }
        }
    }

    /// What must hold after every step.
    fn check(&self) {
        for id in &self.ids {
            let Some(known) = self.known.get(id) else {
                assert_eq!(self.sessions.get(SessionId(*id)), None, "{id} is back");
                continue;
            };
            let meta = self
                .sessions
                .get(SessionId(*id))
                .expect("a session is lost");
            assert_eq!((&meta.spec, meta.status), (&known.spec, known.status));
            assert_eq!(meta.bytes_received, known.bytes());
            assert_eq!(meta.received.count() as usize, known.received.len());
            for index in 0..known.spec.expected_chunks {
                assert_eq!(
                    meta.received.contains(index),
                    known.received.contains_key(&index)
                );
            }
            let missing = meta.received.missing(known.spec.expected_chunks);
            let missing = missing.into_iter().flat_map(|(first, last)| first..=last);
            let model = 0..known.spec.expected_chunks;
            assert!(missing.eq(model.filter(|index| !known.received.contains_key(index))));
            // All but the last chunk have one length, and the last is not longer.
            let last = known.spec.expected_chunks - 1;
            let others: BTreeSet<u64> = known.received.range(..last).map(|(_, len)| *len).collect();
            assert!(others.len() <= 1, "{others:?}");
            if let (Some(len), Some(other)) = (known.received.get(&last), others.first()) {
                assert!(len <= other);
            }
        }
        let active = || self.known.values().filter(|known| known.active());
        let counters = self.sessions.counters();
        assert_eq!(
            counters.pending + counters.finishing,
            active().count() as u64
        );
        assert_eq!(
            counters.committed as usize,
            self.known.len() - active().count()
        );
        for owner in 1..4 {
            let count = active().filter(|k| k.spec.owner == user(owner)).count();
            assert!(count <= LIMITS_HERE.active_per_owner as usize);
            let listed = self.sessions.list(Some(user(owner)), 99).len();
            let newest = self.sessions.newest(user(owner), 99).map(|meta| meta.id);
            assert!(newest.is_sorted_by(|a, b| a > b));
            let all = self.known.values().filter(|k| k.spec.owner == user(owner));
            assert_eq!(listed, all.count());
        }
        for scope in ["s0", "s1", "s2"] {
            let of_scope = || active().filter(|k| k.spec.scope == scope);
            let usage = self.sessions.scope(scope);
            assert_eq!(usage.active as usize, of_scope().count());
            assert!(usage.active <= LIMITS_HERE.active_per_scope);
            let pending: u64 = of_scope()
                .map(|k| k.spec.bytes_expected.max(k.bytes()))
                .sum();
            assert_eq!(usage.pending_bytes, pending);
            assert!(pending <= LIMITS_HERE.bytes_per_scope);
        }
        let open = (self.begins.len(), self.chunks.len(), self.guards.len());
        assert_eq!(self.sessions.open_reservations(), open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sessions_follow_the_model(
        window in prop::sample::select(vec![0, 2, 8]),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let mut world = World::new(window);
        for op in ops {
            world.run(op);
            world.check();
        }
    }
}
