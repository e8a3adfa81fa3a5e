//! Making capsules.

use super::record::{CapsuleRecord, StoredOwner};
use super::subject::subject_key;
use crate::ids::CapsuleId;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// The most capsules that one principal can make. `capsule_list` returns all of them in one reply,
/// at most some 400 bytes each.
pub const MAX_OWNED: usize = 1_000;

impl<M: Memory> Index<M> {
    /// Whether `who` has a capsule with this subject.
    pub fn has_capsule(&self, who: Principal, subject: &PersonRef) -> bool {
        self.by_subject.contains_key(&subject_key(who, subject))
    }

    /// The capsule of `who` with this subject; makes it if it doesn't exist. Without a subject, it
    /// is the own capsule of `who`, whose subject is `who`.
    ///
    /// `InvalidArgument` for an opaque subject that is empty or too long. `ResourceExhausted` above
    /// [`MAX_OWNED`], or above `most` capsules that `who` made.
    pub fn capsule_create(
        &mut self,
        call: Call,
        who: Principal,
        subject: Option<PersonRef>,
        most: Option<u32>,
    ) -> Result<Capsule> {
        let subject = subject.unwrap_or(PersonRef::Principal(who));
        if let PersonRef::Opaque(text) = &subject
            && (text.is_empty() || text.len() > MAX_ID_BYTES)
        {
            return Err(Error::invalid(format!(
                "subject length is {} bytes, expected 1 to {MAX_ID_BYTES}",
                text.len()
            )));
        }
        let key = subject_key(who, &subject);
        if let Some(number) = self.by_subject.get(&key) {
            let capsule = self.capsules.get(&number);
            let capsule = capsule.expect("BUG: a subject has no capsule");
            return Ok(capsule.into_capsule(CapsuleId(number)));
        }
        let most = most.map_or(MAX_OWNED, |most| MAX_OWNED.min(most as usize));
        if self.made_by(who).take(most).count() == most {
            return Err(Error::ResourceExhausted);
        }
        let owner = StoredOwner {
            since: call.now,
            last_activity_at: call.now,
        };
        let capsule = CapsuleRecord {
            subject,
            owners: vec![(PersonRef::Principal(who), owner)],
            controllers: Vec::new(),
            created_at: call.now,
            updated_at: call.now,
            stored_bytes: 0,
            memory_count: 0,
            trash_count: None,
            metadata_bytes: None,
        };
        let id = self.next_capsule();
        self.by_subject.insert(key, id.0);
        self.by_member.insert((who, id.0));
        self.capsules.insert(id.0, capsule.clone());
        Ok(capsule.into_capsule(id))
    }
}
