//! Slips of the operator: wrong settings, wrong modules, another index, peers without their roles.

use super::plan::{OtherIndex, Outage, Place};
use super::upgrades::is_fenced;
use super::verdict::{Checked, check_unavailable};
use super::world::World;
use super::wrong_settings::{self, WrongSetting};
use crate::client::{CallError, Called};
use crate::deployment::Part;
use candid::Principal;
use candid::utils::ArgumentEncoder;
use capsule_shared::Error;
use capsule_shared::gateway::{GatewayArgs, GatewayConfig};
use capsule_shared::memory_index::MemoryIndexArgs;

/// The settings and the registered gateways, which every slip must leave or get back.
#[derive(Debug, PartialEq)]
pub(super) struct Roles {
    settings: GatewayConfig,
    gateways: [Vec<Principal>; 2],
}

/// Reads the settings and the registered gateways. All three canisters must run.
pub(super) fn roles(world: &World) -> Checked<Roles> {
    let list = |part: Part| {
        let listed: Called<Vec<Principal>> = world.operator(part).query("gateways_list", ());
        listed.map_err(|e| format!("the gateways of {}: {e}", part.name()))
    };
    Ok(Roles {
        settings: settings(world).map_err(|e| format!("the settings: {e}"))?,
        gateways: [list(Part::BlobStore)?, list(Part::MemoryIndex)?],
    })
}

fn settings(world: &World) -> Called<GatewayConfig> {
    world.operator(Part::Gateway).query("configuration", ())
}

impl World {
    // ---- slips that must be refused -----------------------------------------------------------

    /// Gives the gateway a setting out of its range.
    ///
    /// # Errors
    /// Unless the gateway refuses it by name and keeps all settings.
    pub fn misconfigure(&self, wrong: WrongSetting) -> Checked {
        // A gateway that is stopped or frozen takes no settings.
        let Ok(before) = settings(self) else {
            return Ok(());
        };
        let args = wrong_settings::args(wrong);
        let told = self
            .operator(Part::Gateway)
            .update::<()>("configure", (args,));
        let (name, value) = wrong;
        let start = format!("{name} is {value}, expected ");
        match told {
            Err(CallError::Refused(Error::InvalidArgument(text))) if text.starts_with(&start) => {}
            Err(CallError::Rejected(reject)) => check_unavailable(&reject)?,
            told => return Err(format!("{name} = {value} was answered with {told:?}")),
        }
        match settings(self) {
            Ok(after) if after != before => Err(format!(
                "{name} = {value} was refused, but the settings became {after:?}"
            )),
            _ => Ok(()),
        }
    }

    // ---- slips that last for a while ----------------------------------------------------------

    /// Gives the gateway another index. Returns whether it took it.
    pub(super) fn change_index(&mut self, other: OtherIndex) -> bool {
        let index = match other {
            OtherIndex::Empty => self.empty_index(),
            OtherIndex::Store => self.deployment.blob_store,
        };
        self.configure_index(index)
    }

    /// Gives the gateway its own index back. Returns whether it took it.
    pub(super) fn change_index_back(&self) -> bool {
        self.configure_index(self.id(Place::IndexLine))
    }

    fn configure_index(&self, index: Principal) -> bool {
        let args = GatewayArgs {
            memory_index: Some(index),
            ..GatewayArgs::default()
        };
        self.operate(Part::Gateway, "configure", (args,))
    }

    /// An index that knows the gateway and nothing else.
    fn empty_index(&mut self) -> Principal {
        let deployment = &self.deployment;
        *self.empty_index.get_or_insert_with(|| {
            let gateways = Some(vec![deployment.gateway]);
            deployment.install_another(Part::MemoryIndex, &MemoryIndexArgs { gateways })
        })
    }

    /// Adds the store to the gateway's list, or removes it. Returns whether the gateway did it.
    pub(super) fn list_store(&self, method: &str) -> bool {
        self.operate(Part::Gateway, method, (self.id(Place::StoreLine),))
    }

    /// Registers or unregisters the gateway at a peer. Returns whether the peer did it.
    pub(super) fn register(&self, place: Place, method: &str) -> bool {
        let (peer, line) = match place {
            Place::Index => (Part::MemoryIndex, Place::IndexLine),
            _ => (Part::BlobStore, Place::StoreLine),
        };
        self.operate(peer, method, (self.id(line),))
    }

    /// Has the operator change something. Returns whether the canister did it; one that is stopped
    /// or frozen doesn't.
    fn operate(&self, part: Part, method: &str, args: impl ArgumentEncoder) -> bool {
        match self.operator(part).update::<()>(method, args) {
            Ok(()) => true,
            Err(CallError::Rejected(reject)) if check_unavailable(&reject).is_ok() => false,
            Err(CallError::Rejected(reject))
                if part == Part::BlobStore
                    && self.has(Outage::OldStore)
                    && is_fenced(&reject.reject_message) =>
            {
                false
            }
            Err(error) => panic!("{method} of {}: {error}", part.name()),
        }
    }
}
