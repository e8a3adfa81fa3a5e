//! The three canisters with their code, and the work of an operator on them.

use super::parts::{CYCLES, Part, wasm};
use crate::client::Client;
use candid::{CandidType, Encode, Principal};
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

    /// Creates one more canister of this kind, which nobody knows yet.
    pub fn install_another(&self, part: Part, args: &impl CandidType) -> Principal {
        let args = Encode!(&Some(args)).expect("BUG: the arguments can be encoded");
        self.create_installed(wasm(part.name()), args)
    }

    /// Creates one more canister, with code.
    pub fn create_installed(&self, module: Vec<u8>, arg: Vec<u8>) -> Principal {
        let controller = Some(self.controller);
        let id = self.pic.create_canister_with_settings(controller, None);
        self.pic.add_cycles(id, CYCLES);
        self.pic.install_canister(id, module, arg, controller);
        id
    }

    /// Upgrades to the module of this build, without stopping first.
    pub fn upgrade_rudely(&self, part: Part) -> Result<(), RejectResponse> {
        self.upgrade_to(part, wasm(part.name()))
    }

    /// Upgrades to any module, without stopping first.
    pub fn upgrade_to(&self, part: Part, module: Vec<u8>) -> Result<(), RejectResponse> {
        let nothing = Encode!(&None::<()>).expect("BUG: null can be encoded");
        let (id, controller) = (self.id(part), Some(self.controller));
        self.until_admitted(|| {
            let (module, nothing) = (module.clone(), nothing.clone());
            self.pic.upgrade_canister(id, module, nothing, controller)
        })
    }

    /// Replaces the module and forgets all state.
    pub fn replace(&self, part: Part, module: Vec<u8>) -> Result<(), RejectResponse> {
        let (id, controller) = (self.id(part), Some(self.controller));
        self.until_admitted(|| {
            let module = module.clone();
            self.pic.reinstall_canister(id, module, vec![], controller)
        })
    }

    /// The network limits how much installing may compute. Each round forgives a part.
    fn until_admitted(
        &self,
        install: impl Fn() -> Result<(), RejectResponse>,
    ) -> Result<(), RejectResponse> {
        loop {
            match install() {
                Err(e) if e.reject_message.contains("rate limited") => self.pic.tick(),
                installed => return installed,
            }
        }
    }

    /// Upgrades as deploy tools do: stop, install, start.
    pub fn upgrade(&self, part: Part) {
        self.stop(part);
        self.upgrade_rudely(part)
            .unwrap_or_else(|e| panic!("{} can be upgraded: {e}", part.name()));
        self.start(part);
    }
}
