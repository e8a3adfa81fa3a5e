//! Capsules: making them, and what one caller sees of them.

use crate::ids::CapsuleId;
use crate::index::{Call, Index, owner_prefix, subject_key};
use crate::record::CapsuleRecord;
use candid::Principal;
use capsule_shared::capsule::{
    Capsule, CapsuleHeader, CapsuleInfo, ControllerState, OwnerState, PersonRef,
};
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::memory_index::CapsuleUsage;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// The most capsules that one principal can make, and the most in which one can be a controller: what others grant takes
/// nothing from what one may make. `capsule_list` gives all of them in one reply, at most some 400 bytes each.
pub const MAX_OWNED: usize = 1_000;
pub const MAX_CONTROLLED: usize = 1_000;

/// The most controllers of one capsule: each look at a capsule reads all of them.
pub const MAX_CONTROLLERS: usize = 100;

impl<M: Memory> Index<M> {
    /// The capsule of `who` with this subject, made if there is none; without a subject, the own capsule of `who`, whose
    /// subject is `who`. `ResourceExhausted` at [`MAX_OWNED`].
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
        if self.made_by(who).take(MAX_OWNED).count() == MAX_OWNED {
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

    /// Gives `controller` the right to read and write; an owner's matter. Repeating it changes nothing.
    ///
    /// `InvalidArgument` for who has the right as an owner, `ResourceExhausted` at [`MAX_CONTROLLERS`] and at
    /// [`MAX_CONTROLLED`].
    pub fn capsule_add_controller(
        &mut self,
        call: Call,
        who: Principal,
        id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        let (id, mut capsule) = self.capsule(who, id)?;
        if !capsule.is_owner(who) {
            return Err(Error::Unauthorized);
        }
        if capsule.is_owner(controller) {
            return Err(Error::invalid(format!(
                "{controller} owns the capsule, expected somebody else as its controller"
            )));
        }
        if !capsule.is_controller(controller) {
            let elsewhere = self.capsules_of(controller).count() - self.made_by(controller).count();
            if capsule.controllers.len() >= MAX_CONTROLLERS || elsewhere >= MAX_CONTROLLED {
                return Err(Error::ResourceExhausted);
            }
            let state = ControllerState {
                granted_at: call.now,
                granted_by: PersonRef::Principal(who),
            };
            let person = PersonRef::Principal(controller);
            capsule.controllers.push((person, state));
            capsule.touch(who, call.now);
            self.by_member.insert((controller, id.0));
            self.capsules.insert(id.0, capsule.clone());
        }
        Ok(whole(id, capsule))
    }

    /// Takes the right back; for owners, and for a controller who leaves. Who isn't a controller stays so.
    pub fn capsule_remove_controller(
        &mut self,
        call: Call,
        who: Principal,
        id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        let (id, mut capsule) = self.capsule(who, id)?;
        if !capsule.is_owner(who) && who != controller {
            return Err(Error::Unauthorized);
        }
        if capsule.is_controller(controller) {
            let person = PersonRef::Principal(controller);
            capsule.controllers.retain(|(other, _)| *other != person);
            capsule.touch(who, call.now);
            self.by_member.remove(&(controller, id.0));
            self.capsules.insert(id.0, capsule.clone());
        }
        Ok(whole(id, capsule))
    }

    /// The capsules that `who` made.
    fn made_by(&self, who: Principal) -> impl Iterator<Item = u64> {
        let first = owner_prefix(who);
        let entries = self.by_subject.range(first.clone()..);
        entries
            .take_while(move |entry| entry.key().starts_with(&first))
            .map(|entry| entry.value())
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
