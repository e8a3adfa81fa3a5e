//! The rules of sessions, a model, stored layouts and growth; here is their common ground.

mod begin;
mod chunks;
mod ending;
mod growth;
mod indexing;
mod layout;
mod model;
mod room;

use super::begin::Begin;
use super::chunks::ChunkAdmission;
use super::reservations::ChunkReservation;
use super::service::SessionService;
use super::standing::Standing;
use super::types::{Limits, SessionId, SessionSpec};
use crate::failure::{Failure, Result};
use crate::regions::Regions;
use candid::Principal;
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{Memory, VectorMemory};

type Sessions = SessionService<VirtualMemory<VectorMemory>>;

const LIMITS: Limits = Limits {
    active_per_owner: 3,
    active_per_scope: 4,
    active_total: 5,
    bytes_per_scope: 1_000,
    ttl: 100,
    idle: 30,
    retention: 50,
    reorder_window: 0,
};

fn open(memory: &VectorMemory, limits: Limits) -> Sessions {
    SessionService::new(Regions::open(memory.clone()).sessions, limits)
}

fn user(n: u8) -> Principal {
    Principal::from_slice(&[n; 10])
}

fn spec(owner: u8, scope: &str, idem: &str, chunks: u32, bytes: u64) -> SessionSpec {
    SessionSpec {
        scope: scope.into(),
        owner: user(owner),
        idem: idem.into(),
        label: "photo.jpg".into(),
        expected_chunks: chunks,
        bytes_expected: bytes,
    }
}

fn begin<M: Memory>(
    sessions: &mut SessionService<M>,
    spec: SessionSpec,
    now: u64,
) -> Result<SessionId> {
    begin_as(sessions, Standing::Known, spec, now)
}

fn begin_as<M: Memory>(
    sessions: &mut SessionService<M>,
    standing: Standing,
    spec: SessionSpec,
    now: u64,
) -> Result<SessionId> {
    match sessions.reserve_begin(spec, standing, now)? {
        Begin::Existing(id) => Ok(id),
        Begin::Reserved(mut reservation) => {
            sessions.check_scope(&reservation, 0)?;
            sessions.make_room(&reservation, now);
            sessions.admit(&mut reservation, 0)?;
            let id = sessions.allocate_id();
            Ok(sessions.begin_with_id(id, reservation, 0, now).id)
        }
    }
}

/// Reserves the begin of a known owner at time 0.
fn reserve_begin(s: &mut Sessions, spec: SessionSpec) -> Result<Begin> {
    s.reserve_begin(spec, Standing::Known, 0)
}

fn reserve(s: &mut Sessions, id: SessionId, index: u32, len: usize) -> Result<ChunkReservation> {
    match s.reserve_chunk(id, user(1), index, len, 0)? {
        ChunkAdmission::New(chunk) => Ok(chunk),
        ChunkAdmission::Duplicate => Err(Failure::conflict("duplicate")),
    }
}

fn put(s: &mut Sessions, id: SessionId, index: u32, len: usize) -> Result<()> {
    let chunk = reserve(s, id, index, len)?;
    s.confirm_chunk(chunk, 0).map(|_| ())
}

fn started(chunks: u32, bytes: u64, window: u32) -> (VectorMemory, Sessions, SessionId) {
    let memory = VectorMemory::default();
    let limits = Limits {
        reorder_window: window,
        bytes_per_scope: 1 << 40,
        ..LIMITS
    };
    let mut sessions = open(&memory, limits);
    let id = begin(&mut sessions, spec(1, "c", "k", chunks, bytes), 0).unwrap();
    (memory, sessions, id)
}

#[track_caller]
fn invalid<T>(result: Result<T>, words: &str) {
    match result {
        Err(Failure::InvalidArgument(text)) => assert!(text.contains(words), "{text}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted, expected a text with {words:?}"),
    }
}
