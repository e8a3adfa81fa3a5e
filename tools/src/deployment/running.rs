//! The three canisters with their code, and the work of an operator on them.

use super::parts::{Part, wasm};
use crate::client::Client;
use candid::{Encode, Principal};
use pocket_ic::{PocketIc, RejectResponse};

/// The three canisters at work.
pub struct Deployment {
    pub pic: PocketIc,
    /// The principal that may install, configure and stop.
    pub controller: Principal,
    pub gateway: Principal,
    pub blob_store: Principal,
    pub memory_index: Principal,
}

impl Deployment {
    pub fn id(&self, part: Part) -> Principal {
        match part {
            Part::Gateway => self.gateway,
            Part::BlobStore => self.blob_store,
            Part::MemoryIndex => self.memory_index,
        }
    }

    /// The gateway as one principal calls it.
    pub fn client(&self, who: Principal) -> Client<'_> {
        Client::new(&self.pic, self.gateway, who)
    }

    pub fn cycles(&self, part: Part) -> u128 {
        self.pic.cycle_balance(self.id(part))
    }

    pub fn stop(&self, part: Part) {
        self.pic
            .stop_canister(self.id(part), Some(self.controller))
            .unwrap_or_else(|e| panic!("{} can be stopped: {e}", part.name()));
    }

    pub fn start(&self, part: Part) {
        self.pic
            .start_canister(self.id(part), Some(self.controller))
            .unwrap_or_else(|e| panic!("{} can be started: {e}", part.name()));
    }

    /// Upgrades to the module of this build, without stopping first.
    pub fn upgrade_rudely(&self, part: Part) -> Result<(), RejectResponse> {
        let nothing = Encode!(&None::<()>).expect("BUG: null can be encoded");
        self.pic.upgrade_canister(
            self.id(part),
            wasm(part.name()),
            nothing,
            Some(self.controller),
        )
    }

    /// Upgrades as deploy tools do: stop, install, start.
    pub fn upgrade(&self, part: Part) {
        self.stop(part);
        self.upgrade_rudely(part)
            .unwrap_or_else(|e| panic!("{} can be upgraded: {e}", part.name()));
        self.start(part);
    }
}
