//! Capsules: the gateway checks the arguments, and the index checks the rights and keeps them.

use super::checks::check_text;
use super::service::UploadService;
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::gateway::CapsuleCreators;
use capsule_shared::limits::MAX_ID_BYTES;
use ic_stable_structures::Memory;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Makes a capsule. `max_capsules_per_principal` limits those of one caller, except of the
    /// callers that `capsule_creators` lists.
    pub async fn create_capsule(
        &self,
        caller: Principal,
        subject: Option<PersonRef>,
    ) -> Result<Capsule> {
        self.with(|state| state.config().check_creator(caller))?;
        if let Some(PersonRef::Opaque(text)) = &subject {
            check_text("the opaque person", text, MAX_ID_BYTES)?;
        }
        if let Some(PersonRef::Principal(person)) = &subject {
            self.check_person("subject", *person)?;
        }
        self.check_funds()?;
        let index = self.index()?;
        let most = self.with(|state| {
            let config = state.config().public();
            match config.capsule_creators {
                CapsuleCreators::Anyone => Some(config.max_capsules_per_principal),
                CapsuleCreators::Listed(_) => None,
            }
        });
        let created = self.peers.capsule_create(index, caller, subject, most);
        Ok(created.await?)
    }

    /// Makes somebody a capsule controller, who may read and write. Only owners may do this.
    pub async fn add_controller(
        &self,
        caller: Principal,
        capsule_id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
        let may_be_one = self.with(|state| state.config().check_caller(controller).is_ok());
        if !may_be_one || controller == Principal::management_canister() {
            return Err(Failure::invalid(format!(
                "controller is {controller}, expected the principal of a person or a canister"
            )));
        }
        self.check_person("controller", controller)?;
        self.check_funds()?;
        let index = self.index()?;
        let peers = &self.peers;
        let added = peers.capsule_add_controller(index, caller, capsule_id, controller);
        Ok(added.await?)
    }

    /// Takes a capsule controller's rights away, and ends its pending sessions in the capsule.
    /// Owners and the capsule controller may do this.
    pub async fn remove_controller(
        &self,
        caller: Principal,
        capsule_id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        // Nothing is noted of this call during this await. If its answer is lost, the same call
        // ends the sessions.
        let peers = &self.peers;
        let removed = peers.capsule_remove_controller(index, caller, capsule_id, controller);
        let answer = removed.await;
        let has_left = match &answer {
            Ok(capsule) => !has_right(capsule, controller),
            // The caller has no right any more, or never had one.
            Err(error) => caller == controller && error.refusal() == Some(&Failure::Unauthorized),
        };
        if has_left {
            self.right_lost(controller, capsule_id, index);
        }
        Ok(answer?)
    }

    /// Gives the caller's own right in a capsule back, as [`Self::remove_controller`] takes it.
    /// Without a right it is left already.
    /// `InvalidArgument` for an owner.
    pub async fn leave_capsule(&self, caller: Principal, capsule_id: &str) -> Result<()> {
        match self.remove_controller(caller, capsule_id, caller).await {
            Err(Failure::Unauthorized) => Ok(()),
            Err(error) => Err(error),
            Ok(capsule) => {
                let person = PersonRef::Principal(caller);
                match capsule.owners.iter().any(|(owner, _)| *owner == person) {
                    true => Err(Failure::invalid(format!(
                        "the caller is {caller}, an owner of the capsule, \
                         expected a capsule controller"
                    ))),
                    false => Ok(()),
                }
            }
        }
    }

    /// `InvalidArgument` for this gateway and its peers. They are no persons, and rights in many
    /// capsules would make questions about them dear.
    fn check_person(&self, what: &str, who: Principal) -> Result<()> {
        let is_index = self.index().is_ok_and(|index| index == who);
        match is_index || self.is_store(who) || who == self.runtime.self_id() {
            true => Err(Failure::invalid(format!(
                "{what} is {who}, a canister of this system, expected a person"
            ))),
            false => Ok(()),
        }
    }

    /// Reads a capsule, or the caller's own if there is no id.
    pub async fn read_capsule(&self, caller: Principal, id: Option<String>) -> Result<CapsuleInfo> {
        if let Some(id) = &id {
            check_text("capsule_id", id, MAX_ID_BYTES)?;
        }
        let index = self.index()?;
        Ok(self.peers.capsule_read(index, caller, id).await?)
    }

    /// The caller's own capsules, then those that others shared: the newest grant comes first.
    pub async fn list_capsules(&self, caller: Principal) -> Result<Vec<CapsuleHeader>> {
        let index = self.index()?;
        Ok(self.peers.capsule_list(index, caller).await?)
    }
}

/// Whether somebody may read and write in a capsule.
fn has_right(capsule: &Capsule, who: Principal) -> bool {
    let person = PersonRef::Principal(who);
    let owners = capsule.owners.iter().map(|(owner, _)| owner);
    let controllers = capsule.controllers.iter().map(|(controller, _)| controller);
    owners.chain(controllers).any(|other| *other == person)
}
