//! Canisters without code, and their installation.

use super::parts::{CYCLES, Part, controller, wasm};
use super::running::Deployment;
use crate::engine::network;
use candid::{CandidType, Encode, Principal};
use capsule_shared::blob_store::BlobStoreArgs;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::memory_index::MemoryIndexArgs;
use pocket_ic::PocketIc;

/// Canisters that stand between the gateway and its peers, and other callers of the peers.
#[derive(Clone, Copy, Default)]
pub struct Lines {
    /// The gateway takes this canister for the store.
    pub store: Option<Principal>,
    /// The gateway takes this canister for the index.
    pub index: Option<Principal>,
    /// A principal with the rights of a gateway in the store and in the index.
    pub auditor: Option<Principal>,
}

/// Canisters that exist and have cycles, but no code yet.
pub struct Created {
    pic: PocketIc,
    cycles: u128,
    module: Box<dyn Fn(Part) -> Vec<u8>>,
    controller: Principal,
    gateway: Principal,
    blob_store: Principal,
    memory_index: Principal,
}

impl Created {
    pub fn on(pic: PocketIc) -> Self {
        Self::with_cycles(pic, CYCLES)
    }

    /// Gives each canister so many cycles.
    pub fn with_cycles(pic: PocketIc, cycles: u128) -> Self {
        let controller = controller();
        let [gateway, blob_store, memory_index] =
            [(); 3].map(|()| create(&pic, controller, cycles));
        Self {
            pic,
            cycles,
            module: Box::new(|part| wasm(part.name())),
            controller,
            gateway,
            blob_store,
            memory_index,
        }
    }

    /// Takes the modules from elsewhere than this build.
    pub fn with_modules(self, module: impl Fn(Part) -> Vec<u8> + 'static) -> Self {
        let module = Box::new(module);
        Self { module, ..self }
    }

    pub fn id(&self, part: Part) -> Principal {
        match part {
            Part::Gateway => self.gateway,
            Part::BlobStore => self.blob_store,
            Part::MemoryIndex => self.memory_index,
        }
    }

    /// Creates one more canister, with code.
    pub fn create_installed(&self, module: Vec<u8>, arg: Vec<u8>) -> Principal {
        let id = create(&self.pic, self.controller, self.cycles);
        self.pic
            .install_canister(id, module, arg, Some(self.controller));
        id
    }

    /// Creates a chaos canister that passes calls on to this part.
    pub fn chaos_before(&self, part: Part) -> Principal {
        let peer = Encode!(&self.id(part)).expect("BUG: an id can be encoded");
        self.create_installed(wasm("chaos"), peer)
    }

    /// Installs all three, wired to each other; `settings` are the gateway's beyond the wiring.
    pub fn install(self, settings: GatewayArgs) -> Deployment {
        self.install_behind(Lines::default(), settings)
    }

    /// Installs all three, with other canisters between the gateway and its peers.
    pub fn install_behind(self, lines: Lines, settings: GatewayArgs) -> Deployment {
        let mut gateways = vec![
            lines.store.unwrap_or(self.gateway),
            lines.index.unwrap_or(self.gateway),
        ];
        gateways.extend(lines.auditor);
        gateways.dedup();
        let gateways = Some(gateways);
        let store_args = BlobStoreArgs {
            gateways: gateways.clone(),
            ..Default::default()
        };
        self.install_one(Part::BlobStore, &store_args);
        self.install_one(Part::MemoryIndex, &MemoryIndexArgs { gateways });
        let gateway_args = GatewayArgs {
            memory_index: Some(lines.index.unwrap_or(self.memory_index)),
            blob_stores: Some(vec![lines.store.unwrap_or(self.blob_store)]),
            ..settings
        };
        self.install_one(Part::Gateway, &gateway_args);
        Deployment {
            pic: self.pic,
            controller: self.controller,
            gateway: self.gateway,
            blob_store: self.blob_store,
            memory_index: self.memory_index,
        }
    }

    fn install_one(&self, part: Part, args: &impl CandidType) {
        let args = Encode!(&Some(args)).expect("BUG: the arguments can be encoded");
        let module = (self.module)(part);
        self.pic
            .install_canister(self.id(part), module, args, Some(self.controller));
    }
}

fn create(pic: &PocketIc, controller: Principal, cycles: u128) -> Principal {
    let id = pic.create_canister_with_settings(Some(controller), None);
    pic.add_cycles(id, cycles);
    id
}

/// Settings with which a deleted memory is gone at once.
pub fn without_trash() -> GatewayArgs {
    GatewayArgs {
        trash_retention_ns: Some(0),
        ..GatewayArgs::default()
    }
}

/// Installs all three canisters on a fresh network.
pub fn deploy() -> Deployment {
    Created::on(network()).install(GatewayArgs::default())
}
