//! Upgrades of the three canisters, to their own module and to a wrong one.

use super::plan::{Outage, Place};
use super::verdict::Checked;
use super::world::World;
use crate::deployment::{Part, wasm};
use pocket_ic::RejectResponse;

/// The text with which the gateway refuses an upgrade while it waits for answers.
const OPEN_CALLS: &str = "calls to other canisters are open";

/// Whether a text is the refusal of the memory of `on` by the module of another canister.
pub(super) fn is_wrong_module(text: &str, on: Part, module: Part) -> bool {
    let found = format!("the stable memory is of {} (schema ", on.name());
    let expected = format!(
        "expected {}, which this module is; nothing was changed",
        module.name()
    );
    text.contains(&found) && text.contains(&expected)
}

impl World {
    /// Upgrades as deploy tools do, or without stopping.
    ///
    /// # Errors
    /// When the upgrade fails for any reason but open calls.
    pub fn upgrade(&mut self, place: Place, rudely: bool) -> Checked {
        let part = match place {
            Place::Gateway => Part::Gateway,
            Place::Store => Part::BlobStore,
            _ => Part::MemoryIndex,
        };
        match self.install(part, part, rudely) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(reject)) if is_refused_for_calls(&reject, rudely) => Ok(()),
            Some(Err(reject)) => Err(format!("{part:?} can't be upgraded: {reject}")),
        }
    }

    /// Upgrades a canister to the module of another one.
    ///
    /// # Errors
    /// Unless the module refuses the stable memory, or the gateway has open calls.
    pub fn try_wrong_module(&mut self, on: Part, module: Part, rudely: bool) -> Checked {
        let Some(upgraded) = self.install(on, module, rudely) else {
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

    /// Upgrades a canister to a module. Returns `None` for a frozen one, which can't be managed.
    fn install(
        &mut self,
        on: Part,
        module: Part,
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
        let upgraded = self.deployment.upgrade_to(on, wasm(module.name()));
        if stops {
            self.start(place);
        }
        Some(upgraded)
    }

    /// Whether this history tried to upgrade the canister to a wrong module.
    pub fn was_mistaken(&self, part: Part) -> bool {
        self.mistaken.contains(&part)
    }
}

fn is_refused_for_calls(reject: &RejectResponse, rudely: bool) -> bool {
    rudely && reject.reject_message.contains(OPEN_CALLS)
}
