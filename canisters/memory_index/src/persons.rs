//! Persons have rights in capsules; canisters of this system have none.
//!
//! A stranger could otherwise give a gateway rights in many capsules, as if it were a person.

use crate::index::Call;
use crate::state::State;
use candid::Principal;
use capsule_shared::capsule::{Capsule, PersonRef};
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory;

impl<M: Memory> State<M> {
    /// Makes a capsule; see `Index::capsule_create`. `own` is the id of this canister.
    ///
    /// `InvalidArgument` if the owner or the subject is `own` or a registered gateway. A capsule
    /// that exists is returned all the same.
    pub fn capsule_create(
        &mut self,
        own: Principal,
        call: Call,
        who: Principal,
        subject: Option<PersonRef>,
        most: Option<u32>,
    ) -> Result<Capsule> {
        let subject = subject.unwrap_or(PersonRef::Principal(who));
        if !self.index.has_capsule(who, &subject) {
            self.check_person(own, "who", who)?;
            if let PersonRef::Principal(subject) = subject {
                self.check_person(own, "subject", subject)?;
            }
        }
        self.index.capsule_create(call, who, Some(subject), most)
    }

    /// Adds a capsule controller; see `Index::capsule_add_controller`. `InvalidArgument` if it is
    /// `own`, the id of this canister, or a registered gateway.
    pub fn capsule_add_controller(
        &mut self,
        own: Principal,
        call: Call,
        who: Principal,
        id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        self.check_person(own, "controller", controller)?;
        self.index.capsule_add_controller(call, who, id, controller)
    }

    fn check_person(&mut self, own: Principal, what: &str, who: Principal) -> Result<()> {
        if who == own || self.gateways.check(who).is_ok() {
            return Err(Error::invalid(format!(
                "{what} is {who}, a canister of this system, expected a person"
            )));
        }
        Ok(())
    }
}
