//! How a session begins: reserve the key and a place within the limits, await, then make it.

use super::reservations::BeginReservation;
use super::service::SessionService;
use super::standing::Standing;
use super::types::{SessionId, SessionMeta, SessionSpec, SessionStatus};
use crate::failure::{Failure, Result};
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS};
use ic_stable_structures::Memory;

/// The outcome of `reserve_begin`.
pub enum Begin {
    /// The key already names this session.
    Existing(SessionId),
    Reserved(BeginReservation),
}

impl<M: Memory> SessionService<M> {
    /// Finds the session of the key, or reserves the key and a place within the limits of the
    /// owner and in all. Its place in the scope comes with [`SessionService::admit`].
    ///
    /// Errors: `InvalidArgument` (sizes), `Conflict` (the key names another upload),
    /// `ResourceExhausted`, temporary (a begin with this key, or begins of others, are in flight).
    pub fn reserve_begin(
        &mut self,
        spec: SessionSpec,
        standing: Standing,
        now: u64,
    ) -> Result<Begin> {
        check_sizes(&spec)?;
        let key = spec.idem_hash();
        if let Some(id) = self.of_key(&key) {
            return self.existing(id, &spec);
        }
        if self.reservations.is_beginning(&key) {
            return Err(Failure::temporary(
                "a begin with the same idempotency key is in flight",
            ));
        }
        self.set_standing(spec.owner, standing);
        self.check_count(&spec, standing, now)?;
        let reservation = self.reservations.begin(key, spec, standing);
        Ok(Begin::Reserved(reservation))
    }

    fn existing(&self, id: SessionId, spec: &SessionSpec) -> Result<Begin> {
        let old = self.expect(id).spec;
        if old != *spec {
            return Err(Failure::conflict(format!(
                "the idempotency key belongs to session {id}, \
                 expected its name {:?}, {} bytes and {} chunks",
                old.label, old.bytes_expected, old.expected_chunks
            )));
        }
        Ok(Begin::Existing(id))
    }

    /// Makes the reserved session. `stored` is the committed bytes of its scope; the caller must
    /// ask for that figure after the reservation.
    pub fn begin_with_id(
        &mut self,
        id: SessionId,
        reservation: BeginReservation,
        stored: u64,
        now: u64,
    ) -> SessionMeta {
        let spec = reservation.spec.clone();
        let meta = SessionMeta {
            id,
            status: SessionStatus::Pending,
            created_at: now,
            last_seen: now,
            last_progress: now,
            received: Default::default(),
            bytes_received: 0,
            chunk_size: 0,
            last_len: 0,
            spec,
        };
        let stored = stored.saturating_add(reservation.committed_since());
        self.set_standing(meta.spec.owner, reservation.standing);
        self.insert(reservation.key, &meta, stored, reservation.standing);
        meta
    }
}

fn check_sizes(spec: &SessionSpec) -> Result<()> {
    let chunks = u64::from(spec.expected_chunks);
    if spec.expected_chunks == 0 || spec.expected_chunks > MAX_CHUNKS {
        return Err(Failure::invalid(format!(
            "expected_chunks is {chunks}, expected 1 to {MAX_CHUNKS}"
        )));
    }
    let most = chunks * MAX_CHUNK_BYTES as u64;
    if spec.bytes_expected != 0 && !(chunks..=most).contains(&spec.bytes_expected) {
        return Err(Failure::invalid(format!(
            "the declared size is {} bytes, expected 0 (not declared) or {chunks} to {most} \
             for {chunks} chunks",
            spec.bytes_expected
        )));
    }
    Ok(())
}
