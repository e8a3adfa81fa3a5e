//! More stores, and more people who operate the canisters.

use super::parts::Part;
use super::running::Deployment;
use crate::client::{CallError, Called};
use candid::Principal;
use capsule_shared::blob_store::BlobStoreArgs;
use capsule_shared::stores::StoreEntry;

impl Deployment {
    /// The stores that the gateway lists. One of release 0.1.0 lists none, and has the first.
    pub fn stores(&self) -> Vec<Principal> {
        let listed: Called<Vec<StoreEntry>> = self.client(self.controller).query("stores_list", ());
        match listed {
            Ok(entries) => entries.into_iter().map(|entry| entry.store).collect(),
            Err(CallError::Rejected(_)) => vec![self.blob_store],
            Err(error) => panic!("BUG: the gateway's stores can't be listed: {error}"),
        }
    }

    /// Installs stores and adds them to the gateway, until it lists `count` of them.
    ///
    /// # Errors
    /// When the gateway takes no further store.
    pub fn grow_to(&self, count: usize) -> Result<(), CallError> {
        for _ in self.stores().len()..count {
            self.add_store()?;
        }
        Ok(())
    }

    /// Installs one more store and adds it to the gateway.
    ///
    /// # Errors
    /// When the gateway doesn't take it.
    pub fn add_store(&self) -> Result<Principal, CallError> {
        let args = BlobStoreArgs {
            gateways: Some(vec![self.gateway]),
            ..BlobStoreArgs::default()
        };
        let store = self.install_another(Part::BlobStore, &args);
        self.client(self.controller)
            .update::<()>("stores_add", (store,))?;
        Ok(store)
    }

    /// Makes a principal a further controller of all canisters.
    ///
    /// # Errors
    /// Names the canister that doesn't take it.
    pub fn admit_operator(&self, operator: Principal) -> Result<(), String> {
        let mut canisters = self.stores();
        canisters.extend([self.gateway, self.blob_store, self.memory_index]);
        for id in canisters {
            let mut controllers = self.pic.get_controllers(id);
            if controllers.contains(&operator) {
                continue;
            }
            controllers.push(operator);
            let set = self
                .pic
                .set_controllers(id, Some(self.controller), controllers);
            set.map_err(|e| format!("{id} takes no controller {operator}: {e}"))?;
        }
        Ok(())
    }
}
