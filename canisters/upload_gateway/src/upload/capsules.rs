//! Capsules: the gateway checks the arguments, and the index checks the rights and keeps them.

use super::checks::check_text;
use super::service::UploadService;
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use candid::Principal;
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::limits::MAX_ID_BYTES;
use ic_stable_structures::Memory;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    pub async fn create_capsule(
        &self,
        caller: Principal,
        subject: Option<PersonRef>,
    ) -> Result<Capsule> {
        self.with(|state| state.config().check_creator(caller))?;
        if let Some(PersonRef::Opaque(text)) = &subject {
            check_text("the opaque person", text, MAX_ID_BYTES)?;
        }
        self.check_funds()?;
        let index = self.index()?;
        let ask = || self.peers.capsule_create(index, caller, subject.clone());
        Ok(self.peers.ask_index_surely(index, ask).await?)
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
        self.check_funds()?;
        let index = self.index()?;
        let ask = || {
            self.peers
                .capsule_add_controller(index, caller, capsule_id, controller)
        };
        Ok(self.peers.ask_index_surely(index, ask).await?)
    }

    /// Takes a capsule controller's rights away. Owners and the capsule controller may do this.
    pub async fn remove_controller(
        &self,
        caller: Principal,
        capsule_id: &str,
        controller: Principal,
    ) -> Result<Capsule> {
        check_text("capsule_id", capsule_id, MAX_ID_BYTES)?;
        let index = self.index()?;
        let ask = || {
            self.peers
                .capsule_remove_controller(index, caller, capsule_id, controller)
        };
        Ok(self.peers.ask_index_surely(index, ask).await?)
    }

    /// Reads a capsule, or the caller's own if there is no id.
    pub async fn read_capsule(&self, caller: Principal, id: Option<String>) -> Result<CapsuleInfo> {
        if let Some(id) = &id {
            check_text("capsule_id", id, MAX_ID_BYTES)?;
        }
        Ok(self.peers.capsule_read(self.index()?, caller, id).await?)
    }

    pub async fn list_capsules(&self, caller: Principal) -> Result<Vec<CapsuleHeader>> {
        Ok(self.peers.capsule_list(self.index()?, caller).await?)
    }
}
