//! Capsules: making them, and what one caller sees of them.

use crate::ids::CapsuleId;
use crate::index::{Call, Index, subject_key};
use crate::record::CapsuleRecord;
use candid::Principal;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, OwnerState, PersonRef};
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::memory_index::CapsuleUsage;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// The most capsules in which one principal can have a right: `capsule_list` gives all of them in one reply, at most
/// some 400 bytes each.
pub const MAX_CAPSULES_PER_MEMBER: usize = 1_000;

impl<M: Memory> Index<M> {
    /// The capsule of `who` with this subject, made if there is none; without a subject, the own capsule of `who`, whose
    /// subject is `who`. `ResourceExhausted` at [`MAX_CAPSULES_PER_MEMBER`].
    pub fn capsule_create(
        &mut self,
        call: Call,
        who: Principal,
        subject: Option<PersonRef>,
    ) -> Result<Capsule> {
        let subject = subject.unwrap_or(PersonRef::Principal(who));
        if let PersonRef::Opaque(text) = &subject
            && (text.is_empty() || text.len() > MAX_ID_BYTES)
        {
            return Err(Error::invalid(format!(
                "an opaque subject of {} bytes; expected 1 to {MAX_ID_BYTES}",
                text.len()
            )));
        }
        let key = subject_key(who, &subject);
        if let Some(number) = self.by_subject.get(&key) {
            let capsule = self.capsules.get(&number);
            let capsule = capsule.expect("BUG: a subject without its capsule");
            return Ok(whole(CapsuleId(number), capsule));
        }
        if self.capsules_of(who).take(MAX_CAPSULES_PER_MEMBER).count() == MAX_CAPSULES_PER_MEMBER {
            return Err(Error::ResourceExhausted);
        }
        let state = OwnerState {
            since: call.now,
            last_activity_at: call.now,
        };
        let capsule = CapsuleRecord {
            subject,
            owners: vec![(PersonRef::Principal(who), state)],
            controllers: Vec::new(),
            created_at: call.now,
            updated_at: call.now,
            stored_bytes: 0,
            memory_count: 0,
        };
        let id = self.next_capsule();
        self.by_subject.insert(key, id.0);
        self.by_member.insert((who, id.0));
        self.capsules.insert(id.0, capsule.clone());
        Ok(whole(id, capsule))
    }

    /// A capsule as `who` sees it; without an id, the own capsule of `who`, or `NotFound`.
    pub fn capsule_read(&self, who: Principal, id: Option<&str>) -> Result<CapsuleInfo> {
        let own = || {
            let key = subject_key(who, &PersonRef::Principal(who));
            let number = self.by_subject.get(&key).ok_or(Error::NotFound)?;
            Ok(CapsuleId(number).to_string())
        };
        let id = id.map_or_else(own, |id| Ok(id.to_string()))?;
        let (id, capsule) = self.capsule(who, &id)?;
        Ok(CapsuleInfo {
            capsule_id: id.to_string(),
            is_owner: capsule.is_owner(who),
            is_controller: capsule.is_controller(who),
            is_self_capsule: capsule.subject == PersonRef::Principal(who),
            subject: capsule.subject,
            bound_to_neon: false,
            created_at: capsule.created_at,
            updated_at: capsule.updated_at,
            memory_count: capsule.memory_count,
            gallery_count: 0,
            connection_count: 0,
        })
    }

    /// The capsules in which `who` has a right, oldest first.
    pub fn capsule_list(&self, who: Principal) -> Vec<CapsuleHeader> {
        let header = |number| {
            let capsule = self.capsules.get(&number);
            let capsule = capsule.expect("BUG: a member without the capsule");
            CapsuleHeader {
                id: CapsuleId(number).to_string(),
                subject: capsule.subject,
                owner_count: capsule.owners.len() as u64,
                controller_count: capsule.controllers.len() as u64,
                memory_count: capsule.memory_count,
                created_at: capsule.created_at,
                updated_at: capsule.updated_at,
            }
        };
        self.capsules_of(who).map(header).collect()
    }

    /// What the capsule holds, for somebody who may write to it.
    pub fn capsule_usage(&self, who: Principal, id: &str) -> Result<CapsuleUsage> {
        let (_, capsule) = self.capsule(who, id)?;
        Ok(CapsuleUsage {
            stored_bytes: capsule.stored_bytes,
            memory_count: capsule.memory_count,
        })
    }

    fn capsules_of(&self, who: Principal) -> impl Iterator<Item = u64> {
        let range = self.by_member.range((who, 0)..=(who, u64::MAX));
        range.map(|(_, number)| number)
    }
}

fn whole(id: CapsuleId, capsule: CapsuleRecord) -> Capsule {
    Capsule {
        id: id.to_string(),
        subject: capsule.subject,
        owners: capsule.owners,
        controllers: capsule.controllers,
        created_at: capsule.created_at,
        updated_at: capsule.updated_at,
        bound_to_neon: false,
        inline_bytes_used: 0,
        memories: Vec::new(),
        galleries: Vec::new(),
        connections: Vec::new(),
        connection_groups: Vec::new(),
    }
}
