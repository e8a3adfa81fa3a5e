//! Capsule controllers: owners add and remove them, and a capsule controller may leave.

use super::record::StoredController;
use crate::index::{Call, Index};
use candid::Principal;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

/// The most capsules in which one principal can be a controller. It is apart from the limit on own
/// capsules, so that rights granted by others don't use up what one may make.
pub const MAX_CONTROLLED: usize = 1_000;

/// The most controllers of one capsule. Every look-up of a capsule reads all of them.
pub const MAX_CONTROLLERS: usize = 100;

impl<M: Memory> Index<M> {
    /// Gives `controller` the right to read and write; only owners can. Repeating it changes
    /// nothing.
    ///
    /// `InvalidArgument` if `controller` is an owner, `ResourceExhausted` above [`MAX_CONTROLLERS`]
    /// or [`MAX_CONTROLLED`].
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
            let elsewhere = self.capsules_of(controller).count() - self.made_by(controller).count();
            if capsule.controllers.len() >= MAX_CONTROLLERS || elsewhere >= MAX_CONTROLLED {
                return Err(Error::ResourceExhausted);
            }
            let state = StoredController {
                granted_at: call.now,
                granted_by: PersonRef::Principal(who),
            };
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
            capsule.controllers.retain(|(other, _)| *other != person);
            capsule.touch(who, call.now);
            self.by_member.remove(&(controller, id.0));
            self.capsules.insert(id.0, capsule.clone());
        }
        Ok(capsule.into_capsule(id))
    }
}
