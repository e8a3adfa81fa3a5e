//! The model beside the real session service: each operation runs in both, and the answers agree.

use super::super::{Sessions, open, spec, user};
use super::op::{LIMITS_HERE, Op, Settled};
use crate::failure::Failure;
use crate::session::begin::Begin;
use crate::session::chunks::ChunkAdmission;
use crate::session::reservations::{BeginReservation, ChunkReservation, FinishGuard};
use crate::session::standing::Standing;
use crate::session::types::{Limits, SessionId, SessionSpec, SessionStatus};
use ic_stable_structures::VectorMemory;
use std::collections::{BTreeMap, BTreeSet};

/// The model's picture of one session.
#[derive(Clone, Debug)]
pub struct Known {
    pub spec: SessionSpec,
    pub status: SessionStatus,
    pub last_seen: u64,
    pub last_progress: u64,
    /// index -> bytes
    pub received: BTreeMap<u32, u64>,
}

impl Known {
    pub fn active(&self) -> bool {
        !matches!(self.status, SessionStatus::Committed { .. })
    }

    pub fn standing(&self) -> Standing {
        standing_of(&self.spec)
    }

    /// A sign of life that is no progress.
    fn seen(&mut self, now: u64) {
        let most = self.last_progress + LIMITS_HERE.ttl;
        self.last_seen = self.last_seen.max(now.min(most));
    }

    pub fn bytes(&self) -> u64 {
        self.received.values().sum()
    }
}

/// The third owner is known.
fn standing_of(spec: &SessionSpec) -> Standing {
    match spec.owner == user(3) {
        true => Standing::Known,
        false => Standing::New,
    }
}

/// A chunk in flight.
struct Chunk {
    reservation: ChunkReservation,
    id: u64,
    index: u32,
    len: u64,
}

pub struct World {
    memory: VectorMemory,
    window: u32,
    now: u64,
    pub sessions: Sessions,
    pub known: BTreeMap<u64, Known>,
    /// Every id that was ever given out.
    pub ids: BTreeSet<u64>,
    begins: Vec<(BeginReservation, SessionSpec)>,
    chunks: Vec<Chunk>,
    guards: Vec<FinishGuard>,
}

impl World {
    pub fn new(window: u32) -> Self {
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

    /// The numbers of (begins, chunks, finishes) in flight.
    pub fn in_flight(&self) -> (usize, usize, usize) {
        (self.begins.len(), self.chunks.len(), self.guards.len())
    }

    pub fn run(&mut self, op: Op) {
        match op {
            Op::ReserveBegin {
                owner,
                scope,
                key,
                chunks,
                declared,
            } => {
                let bytes = if declared { u64::from(chunks) * 10 } else { 0 };
                let (scope, key) = (format!("s{scope}"), format!("k{key}"));
                self.reserve_begin(spec(owner, &scope, &key, chunks, bytes));
            }
            Op::SettleBegin { which, make } => self.settle_begin(which, make),
            Op::Reserve {
                id,
                owner,
                index,
                len,
            } => self.reserve_chunk(id, owner, index, len),
            Op::Settle { which, settled } => self.settle_chunk(which, settled),
            Op::Finish { id, owner } => self.finish(id, owner),
            Op::Commit { id, refused } => self.commit(id, refused),
            Op::Abort { id, owner } => self.abort(id, owner),
            Op::Tick { by } => self.tick(by),
            Op::Restart => {
                self.begins.clear();
                self.chunks.clear();
                self.guards.clear();
                self.sessions = open(&self.memory, limits(self.window));
            }
        }
    }

    fn reserve_begin(&mut self, spec: SessionSpec) {
        let same_key = |old: &SessionSpec| {
            (old.owner, &old.scope, &old.idem) == (spec.owner, &spec.scope, &spec.idem)
        };
        let existing = self.known.iter().find(|(_, known)| same_key(&known.spec));
        let beginning = self.begins.iter().any(|(_, old)| same_key(old));
        let standing = standing_of(&spec);
        let reserved = self
            .sessions
            .reserve_begin(spec.clone(), standing, self.now);
        match (reserved, existing) {
            (Ok(Begin::Existing(id)), Some((known_id, known))) => {
                assert_eq!((id.0, &known.spec), (*known_id, &spec));
                self.sessions.touch(id, self.now);
                let known = self.known.get_mut(&id.0).expect("it is there");
                if known.status == SessionStatus::Pending {
                    known.seen(self.now);
                }
            }
            (Ok(Begin::Reserved(reservation)), None) => {
                assert!(!beginning, "one key, two begins");
                self.begins.push((reservation, spec));
            }
            (Ok(_), _) => panic!("a key lost its session"),
            (Err(_), _) => {}
        }
    }

    fn settle_begin(&mut self, which: usize, make: bool) {
        if self.begins.is_empty() {
            return;
        }
        let (mut reservation, spec) = self.begins.remove(which % self.begins.len());
        if !make || self.sessions.check_scope(&reservation, 0).is_err() {
            return;
        }
        for ended in self.sessions.make_room(&reservation, self.now) {
            assert_eq!(ended.status, SessionStatus::Expired);
            self.evict(ended.id.0, standing_of(&spec));
        }
        if self.sessions.admit(&mut reservation, 0).is_err() {
            return;
        }
        let id = self.sessions.allocate_id();
        assert!(self.ids.insert(id.0), "an id was used again");
        self.sessions.begin_with_id(id, reservation, 0, self.now);
        let known = Known {
            spec,
            status: SessionStatus::Pending,
            last_seen: self.now,
            last_progress: self.now,
            received: BTreeMap::new(),
        };
        self.known.insert(id.0, known);
    }

    /// The model's rule of which session ends when an owner of this standing needs room.
    fn evict(&mut self, id: u64, standing: Standing) {
        let strangers = self.strangers() as u32;
        let active = self.known.values().filter(|k| k.active()).count() as u32;
        let total = LIMITS_HERE.active_total;
        let short = active >= total || strangers >= total.div_ceil(2);
        assert!(short, "{id} ended although there was room");
        let held = |known: &Known| {
            let owner = known.spec.owner;
            let active = self.known.values().filter(|k| k.active());
            active.filter(|k| k.spec.owner == owner).count()
        };
        // The largest holder first, then the longest without progress.
        let rank = |known: &Known| (std::cmp::Reverse(held(known)), known.last_progress);
        let idle = |class: Standing| {
            let pending = self.known.values().filter(|k| {
                k.status == SessionStatus::Pending
                    && k.standing() == class
                    && self.now - k.last_progress >= LIMITS_HERE.idle
            });
            pending.map(rank).min()
        };
        let victim = &self.known[&id];
        let (class, best) = match idle(Standing::New) {
            Some(best) => (Standing::New, best),
            None => (
                Standing::Known,
                idle(Standing::Known).expect("nobody is idle"),
            ),
        };
        assert_eq!((victim.standing(), rank(victim)), (class, best));
        assert_eq!(victim.status, SessionStatus::Pending);
        if standing == Standing::New && class == Standing::Known {
            assert!(active - strangers > total / 2, "the known keep their half");
        }
        self.known.remove(&id);
    }

    /// Active sessions of strangers.
    pub fn strangers(&self) -> u64 {
        let strangers = self
            .known
            .values()
            .filter(|known| known.active() && known.standing() == Standing::New);
        strangers.count() as u64
    }

    fn reserve_chunk(&mut self, id: u64, owner: u8, index: u32, len: usize) {
        let admitted =
            self.sessions
                .reserve_chunk(SessionId(id), user(owner), index, len, self.now);
        let Ok(admission) = admitted else { return };
        let known = self.known.get_mut(&id).expect("a chunk for no session");
        assert_eq!(known.status, SessionStatus::Pending);
        assert_eq!(known.spec.owner, user(owner));
        assert!(index < known.spec.expected_chunks && len > 0);
        known.seen(self.now);
        match admission {
            ChunkAdmission::Duplicate => assert!(known.received.contains_key(&index)),
            ChunkAdmission::New(reservation) => {
                assert!(!known.received.contains_key(&index));
                let in_flight = self.chunks.iter().any(|c| (c.id, c.index) == (id, index));
                assert!(!in_flight, "one index twice in flight");
                self.chunks.push(Chunk {
                    reservation,
                    id,
                    index,
                    len: len as u64,
                });
            }
        }
    }

    fn settle_chunk(&mut self, which: usize, settled: Settled) {
        if self.chunks.is_empty() {
            return;
        }
        let chunk = self.chunks.remove(which % self.chunks.len());
        match settled {
            Settled::Confirmed => {}
            Settled::Released => return,
            Settled::Refused => return self.sessions.refuse_chunk(chunk.reservation),
        }
        let confirmed = self.sessions.confirm_chunk(chunk.reservation, self.now);
        match self.known.get_mut(&chunk.id) {
            None => assert_eq!(confirmed, Err(Failure::NotFound)),
            Some(known) => {
                confirmed.expect("a written chunk of a living session was refused");
                known.received.insert(chunk.index, chunk.len);
                known.last_seen = self.now;
                known.last_progress = self.now;
            }
        }
    }

    fn finish(&mut self, id: u64, owner: u8) {
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
            known.seen(self.now);
        }
    }

    fn commit(&mut self, id: u64, refused: bool) {
        let Some(known) = self.known.get_mut(&id) else {
            return;
        };
        if known.status != SessionStatus::Finishing {
            return;
        }
        self.guards.retain(|guard| guard.session() != SessionId(id));
        known.seen(self.now);
        if refused {
            self.sessions.reopen(SessionId(id), self.now);
            known.status = SessionStatus::Pending;
            known.last_seen = self.now;
            known.last_progress = self.now;
        } else {
            self.sessions.commit(SessionId(id), self.now);
            known.status = SessionStatus::Committed {
                completed_at: self.now,
            };
        }
    }

    fn abort(&mut self, id: u64, owner: u8) {
        if let Ok(Some(ended)) = self.sessions.abort(SessionId(id), user(owner), self.now) {
            let known = self.known.remove(&id).expect("aborted twice");
            assert_eq!(known.status, SessionStatus::Pending);
            assert_eq!(ended.status, SessionStatus::Aborted);
        }
    }

    fn tick(&mut self, by: u64) {
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
}

fn limits(window: u32) -> Limits {
    Limits {
        reorder_window: window,
        ..LIMITS_HERE
    }
}
