//! Capsule controllers: owners add and remove them, and a capsule controller may leave.

use super::record::StoredController;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// The most controllers of one capsule. Every look-up of a capsule reads all of them.
pub const MAX_CONTROLLERS: usize = 100;

impl<M: Memory> Index<M> {
    /// Gives `controller` the right to read and write; only owners can. Repeating it changes
    /// nothing.
    ///
    /// `InvalidArgument` if `controller` is an owner, `ResourceExhausted` above [`MAX_CONTROLLERS`]
    /// or the limit of `who` on grants. No limit counts what `controller` was granted, so strangers
    /// can't use it up.
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
                "controller is {controller}, an owner of the capsule, expected somebody else"
            )));
        }
        if !capsule.is_controller(controller) {
            if capsule.controllers.len() >= MAX_CONTROLLERS {
                return Err(Error::ResourceExhausted);
            }
            let state = StoredController {
                granted_at: call.now,
                granted_by: PersonRef::Principal(who),
            };
            self.grant_noted(who, controller, &state, id)?;
            let person = PersonRef::Principal(controller);
            capsule.controllers.push((person, state));
            capsule.touch(who, call.now);
            self.by_member.insert((controller, id.0));
            self.capsules.insert(id.0, capsule.clone());
        }
        Ok(capsule.into_capsule(id))
    }

    /// Takes the right back; owners can, and so can `controller`. Removing somebody who isn't a
    /// controller changes nothing.
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
            for (_, grant) in capsule
                .controllers
                .extract_if(.., |(other, _)| *other == person)
            {
                self.grant_ended(controller, &grant, id);
            }
            capsule.touch(who, call.now);
            self.by_member.remove(&(controller, id.0));
            self.capsules.insert(id.0, capsule.clone());
        }
        Ok(capsule.into_capsule(id))
    }
}
