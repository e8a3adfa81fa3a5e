//! Rights that owners granted: how many each has granted, and to whom.
//!
//! The granter's limit counts a grant, never the limit of the person who gets it.

use super::record::StoredController;
use super::subject::owner_prefix;
use crate::ids::CapsuleId;
use crate::index::Index;
use candid::Principal;
use capsule_shared::capsule::PersonRef;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;
use std::collections::BTreeSet;

/// The most rights that one principal can grant, over all its capsules.
///
/// Source: our choice: the most controllers of 100 capsules, or 10 controllers for each of the most
/// capsules. 10,000 grants take some 2 MB.
pub const MAX_GRANTED: u64 = 10_000;

/// The key of a grant: the prefix of the person who got it, the time, and the capsule. Times are
/// inverted, so that the newest grant comes first. Release 0.1.0 wrote no keys.
pub fn grant_key(controller: Principal, granted_at: u64, capsule: CapsuleId) -> Vec<u8> {
    let mut key = owner_prefix(controller);
    key.extend_from_slice(&(!granted_at).to_be_bytes());
    key.extend_from_slice(&capsule.0.to_be_bytes());
    key
}

impl<M: Memory> Index<M> {
    /// Notes a new grant: `ResourceExhausted` above [`MAX_GRANTED`].
    pub(super) fn grant_noted(
        &mut self,
        granter: Principal,
        controller: Principal,
        grant: &StoredController,
        capsule: CapsuleId,
    ) -> Result<()> {
        let granted = self.granted_by(granter);
        if granted >= MAX_GRANTED {
            return Err(Error::ResourceExhausted);
        }
        self.grants_by_granter.insert(granter, granted + 1);
        let key = grant_key(controller, grant.granted_at, capsule);
        self.grants_by_member.insert(key);
        Ok(())
    }

    /// Forgets a grant that ends.
    pub(super) fn grant_ended(
        &mut self,
        controller: Principal,
        grant: &StoredController,
        capsule: CapsuleId,
    ) {
        if let PersonRef::Principal(granter) = grant.granted_by
            && let Some(granted) = self.grants_by_granter.get(&granter)
        {
            let rest = granted.saturating_sub(1);
            self.grants_by_granter.insert(granter, rest);
        }
        let key = grant_key(controller, grant.granted_at, capsule);
        self.grants_by_member.remove(&key);
    }

    /// How many rights hold that a principal granted. The first grant after release 0.1.0 counts
    /// those before it, in at most as many capsules as one can make.
    fn granted_by(&self, granter: Principal) -> u64 {
        let person = PersonRef::Principal(granter);
        let count = |number: u64| {
            let capsule = self.capsules.get(&number);
            let capsule = capsule.expect("BUG: a subject has no capsule");
            let grants = capsule.controllers.iter();
            grants
                .filter(|(_, grant)| grant.granted_by == person)
                .count() as u64
        };
        let counted = self.grants_by_granter.get(&granter);
        counted.unwrap_or_else(|| self.made_by(granter).map(count).sum())
    }

    /// The capsules in which `who` has a granted right: the newest grant first, at most `most`.
    pub(super) fn granted_to(&self, who: Principal, most: usize) -> Vec<u64> {
        let first = owner_prefix(who);
        let keys = self.grants_by_member.range(first.clone()..);
        let mut capsules: Vec<u64> = keys
            .take_while(|key| key.starts_with(&first))
            .map(|key| {
                let number = key.last_chunk();
                u64::from_be_bytes(*number.expect("BUG: the key of a grant is too short"))
            })
            .take(most)
            .collect();
        if capsules.len() < most {
            // Grants of release 0.1.0, which gave one person at most 1,000.
            let known: BTreeSet<u64> = capsules.iter().copied().chain(self.made_by(who)).collect();
            let older = self
                .capsules_of(who)
                .filter(|number| !known.contains(number));
            capsules.extend(older.take(most - capsules.len()).collect::<Vec<_>>());
        }
        capsules
    }
}
