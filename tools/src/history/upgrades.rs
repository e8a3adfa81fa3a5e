//! Upgrades of the three canisters, to their own module and to a wrong one.

use super::plan::{Outage, Place};
use super::verdict::Checked;
use super::world::World;
use crate::client::{CallError, Called};
use crate::deployment::{Part, release_0_1_0, wasm};
use candid::Principal;
use pocket_ic::RejectResponse;

/// The text with which a canister refuses an upgrade while it waits for answers.
pub(super) const REFUSED: &str = "the upgrade is refused: ";

/// The text with which the gateway of release 0.1.0 traps at the settings of later releases.
const UNKNOWN_SETTINGS: &str = "BUG: a record of an unknown version";

/// The text with which the store of release 0.1.0 traps at the fence that later releases set up.
const FENCED: &str = "Unsupported version: 255";

/// Whether a text is the refusal of the memory of `on` by the module of another canister.
pub(super) fn is_wrong_module(text: &str, on: Part, module: Part) -> bool {
    let found = format!("the stable memory is of {} (schema ", on.name());
    let expected = format!(
        "expected {}, which this module is; nothing was changed",
        module.name()
    );
    text.contains(&found) && text.contains(&expected)
}

/// Whether a text is the refusal of the settings of a later release by the gateway of 0.1.0.
pub(super) fn is_old_gateway(text: &str) -> bool {
    text.contains(UNKNOWN_SETTINGS)
}

/// Whether a text is a trap of the store of release 0.1.0 over what a later one wrote.
pub(super) fn is_fenced(text: &str) -> bool {
    text.contains(FENCED)
}

impl World {
    /// Upgrades as deploy tools do, or without stopping.
    ///
    /// # Errors
    /// When the upgrade fails for any reason but open calls.
    pub fn upgrade(&mut self, place: Place, rudely: bool) -> Checked {
        let part = place.part();
        match self.install(part, wasm(part.name()), rudely) {
            None => Ok(()),
            Some(Ok(())) => {
                self.old.retain(|old| *old != part);
                Ok(())
            }
            Some(Err(reject)) if is_refused_for_calls(&reject, rudely) => Ok(()),
            Some(Err(reject)) => Err(format!("{part:?} can't be upgraded: {reject}")),
        }
    }

    // ---- slips ---------------------------------------------------------------------------------

    /// Upgrades a canister to the module of another one.
    ///
    /// # Errors
    /// Unless the module refuses the stable memory, or the gateway has open calls.
    pub fn try_wrong_module(&mut self, on: Part, module: Part, rudely: bool) -> Checked {
        let Some(upgraded) = self.install(on, wasm(module.name()), rudely) else {
            return Ok(());
        };
        self.mistaken.push(on);
        match upgraded {
            Ok(()) => Err(format!("{on:?} took the module of {module:?}")),
            Err(reject) if is_wrong_module(&reject.reject_message, on, module) => Ok(()),
            Err(reject) if is_refused_for_calls(&reject, rudely) => Ok(()),
            Err(reject) => Err(format!("{on:?} refused a wrong module with {reject}")),
        }
    }

    /// Upgrades the gateway to release 0.1.0.
    ///
    /// # Errors
    /// Unless that release refuses the settings.
    pub fn try_old_gateway(&mut self) -> Checked {
        let module = release_0_1_0(Part::Gateway);
        let Some(upgraded) = self.install(Part::Gateway, module, false) else {
            return Ok(());
        };
        self.had_old.push(Part::Gateway);
        match upgraded {
            Ok(()) => Err("the gateway was replaced by one of release 0.1.0".into()),
            Err(reject) if is_old_gateway(&reject.reject_message) => Ok(()),
            Err(reject) => Err(format!("the gateway of release 0.1.0 traps with {reject}")),
        }
    }

    /// Upgrades the store to release 0.1.0, which takes it and traps from then on. Returns whether
    /// it is done.
    pub(super) fn put_old_store_back(&mut self) -> bool {
        let module = release_0_1_0(Part::BlobStore);
        let Some(upgraded) = self.install(Part::BlobStore, module, false) else {
            return false;
        };
        upgraded.unwrap_or_else(|e| panic!("the store takes release 0.1.0: {e}"));
        self.had_old.push(Part::BlobStore);
        if !self.has(Outage::Stopped(Place::Store)) {
            let asked: Called<Vec<Principal>> =
                self.operator(Part::BlobStore).query("gateways_list", ());
            match asked {
                Err(CallError::Rejected(reject)) if is_fenced(&reject.reject_message) => {}
                other => panic!("the store of release 0.1.0 answers {other:?}, expected a trap"),
            }
        }
        true
    }

    /// Ends the slip. Returns whether the store has today's module.
    pub(super) fn put_new_store_back(&mut self) -> bool {
        let module = wasm(Part::BlobStore.name());
        let Some(upgraded) = self.install(Part::BlobStore, module, false) else {
            return false;
        };
        upgraded.unwrap_or_else(|e| panic!("the store takes its own module again: {e}"));
        true
    }

    /// Upgrades a canister to a module. Returns `None` for a frozen one, which can't be managed.
    fn install(
        &mut self,
        on: Part,
        module: Vec<u8>,
        rudely: bool,
    ) -> Option<Result<(), RejectResponse>> {
        let place = match on {
            Part::Gateway => Place::Gateway,
            Part::BlobStore => Place::Store,
            Part::MemoryIndex => Place::Index,
        };
        if on == Part::Gateway {
            self.gateway_disturbed += 1;
        }
        if self.has(Outage::Frozen(place)) {
            return None;
        }
        let stops = !rudely && !self.has(Outage::Stopped(place));
        if stops {
            self.stop(place);
        }
        let upgraded = self.deployment.upgrade_to(on, module);
        if stops {
            self.start(place);
        }
        Some(upgraded)
    }

    /// Whether this history tried to install release 0.1.0 over a later one.
    pub fn had_old(&self, part: Part) -> bool {
        self.had_old.contains(&part)
    }

    /// Whether this history tried to upgrade the canister to a wrong module.
    pub fn was_mistaken(&self, part: Part) -> bool {
        self.mistaken.contains(&part)
    }
}

fn is_refused_for_calls(reject: &RejectResponse, rudely: bool) -> bool {
    rudely && reject.reject_message.contains(REFUSED)
}
