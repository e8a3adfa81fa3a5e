//! The invariants of the session layer, checked after every operation.

use super::super::user;
use super::op::LIMITS_HERE;
use super::world::{Known, World};
use crate::session::types::SessionId;
use std::collections::BTreeSet;

impl World {
    pub fn check(&self) {
        for id in &self.ids {
            match self.known.get(id) {
                None => assert_eq!(self.sessions.get(SessionId(*id)), None, "{id} is back"),
                Some(known) => self.check_record(*id, known),
            }
        }
        self.check_counts();
        for owner in 1..4 {
            self.check_owner(owner);
        }
        for scope in ["s0", "s1", "s2"] {
            self.check_scope(scope);
        }
        assert_eq!(self.sessions.reservations.open(), self.in_flight());
    }

    fn active(&self) -> impl Iterator<Item = &Known> {
        self.known.values().filter(|known| known.active())
    }

    fn check_record(&self, id: u64, known: &Known) {
        let meta = self.sessions.get(SessionId(id));
        let meta = meta.expect("a session is lost");
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

    fn check_counts(&self) {
        let active = self.active().count();
        let counters = self.sessions.counters();
        assert_eq!(counters.pending + counters.finishing, active as u64);
        assert_eq!(counters.committed as usize, self.known.len() - active);
        // Strangers never hold more than their share, and the indexes have the pending sessions.
        assert_eq!(counters.strangers(), self.strangers());
        assert!(counters.strangers() <= u64::from(self.sessions.strangers_share()));
        assert!(active <= LIMITS_HERE.active_total as usize);
        let owners: BTreeSet<_> = self.active().map(|k| k.spec.owner).collect();
        let indexed = (counters.pending, owners.len() as u64);
        assert_eq!(self.sessions.holders.counts(), indexed);
    }

    fn check_owner(&self, owner: u8) {
        let owner = user(owner);
        let count = self.active().filter(|k| k.spec.owner == owner).count();
        assert!(count <= LIMITS_HERE.active_per_owner as usize);
        let listed = self.sessions.list(Some(owner), 99).len();
        let newest = self.sessions.newest(owner, 99).map(|meta| meta.id);
        assert!(newest.is_sorted_by(|a, b| a > b));
        let all = self.known.values().filter(|k| k.spec.owner == owner);
        assert_eq!(listed, all.count());
    }

    fn check_scope(&self, scope: &str) {
        let of_scope = || self.active().filter(|k| k.spec.scope == scope);
        let usage = self.sessions.scope(scope);
        assert_eq!(usage.active as usize, of_scope().count());
        assert!(usage.active <= LIMITS_HERE.active_per_scope);
        let pending: u64 = of_scope()
            .map(|k| k.spec.bytes_expected.max(k.bytes()))
            .sum();
        assert_eq!(usage.pending_bytes, pending);
        assert!(pending <= LIMITS_HERE.bytes_per_scope);
    }
}
