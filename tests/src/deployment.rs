//! The three canisters on a fresh network, in stages: first they have ids, then code that knows the others' ids.

use crate::client::Client;
use crate::engine::profile_dir;
use candid::{CandidType, Encode, Principal};
use capsule_shared::blob_store::BlobStoreArgs;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::memory_index::MemoryIndexArgs;
use pocket_ic::{PocketIc, RejectResponse};

/// Cycles of a new canister: enough for hundreds of gigabytes.
const CYCLES: u128 = 10_000_000_000_000_000;

/// One of the three canisters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Gateway,
    BlobStore,
    MemoryIndex,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Gateway, Part::BlobStore, Part::MemoryIndex];

    /// The name of the crate and of the module.
    pub fn name(self) -> &'static str {
        match self {
            Part::Gateway => "upload_gateway",
            Part::BlobStore => "blob_store",
            Part::MemoryIndex => "memory_index",
        }
    }
}

/// A module as `cargo xtask build` left it.
///
/// # Panics
/// When it was not built.
pub fn wasm(name: &str) -> Vec<u8> {
    let path = profile_dir()
        .parent()
        .expect("BUG: a profile's folder is in the target folder")
        .join(format!("canisters/{name}.wasm.gz"));
    std::fs::read(&path).unwrap_or_else(|e| {
        panic!(
            "{} cannot be read ({e}), expected `cargo xtask build` before",
            path.display()
        )
    })
}

/// Canisters that exist and have cycles, but no code yet.
pub struct Created {
    pic: PocketIc,
    cycles: u128,
    controller: Principal,
    gateway: Principal,
    blob_store: Principal,
    memory_index: Principal,
}

impl Created {
    pub fn on(pic: PocketIc) -> Self {
        Self::with_cycles(pic, CYCLES)
    }

    /// Each canister gets so many cycles.
    pub fn with_cycles(pic: PocketIc, cycles: u128) -> Self {
        let controller = person("controller");
        let [gateway, blob_store, memory_index] =
            [(); 3].map(|()| create(&pic, controller, cycles));
        Self {
            pic,
            cycles,
            controller,
            gateway,
            blob_store,
            memory_index,
        }
    }

    pub fn id(&self, part: Part) -> Principal {
        match part {
            Part::Gateway => self.gateway,
            Part::BlobStore => self.blob_store,
            Part::MemoryIndex => self.memory_index,
        }
    }

    /// One more canister, with code.
    pub fn create_installed(&self, module: Vec<u8>, arg: Vec<u8>) -> Principal {
        let id = create(&self.pic, self.controller, self.cycles);
        self.pic
            .install_canister(id, module, arg, Some(self.controller));
        id
    }

    /// Installs all three, wired to each other; `settings` are the gateway's beyond the wiring.
    pub fn install(self, settings: GatewayArgs) -> Deployment {
        let (store, index) = (self.blob_store, self.memory_index);
        let gateways = vec![self.gateway];
        self.install_wired(gateways, (store, index), settings)
    }

    /// The same with a canister on each line behind the gateway, to the store and to the index. `auditor` may do at both
    /// what a gateway may.
    pub fn install_behind(
        self,
        store_line: Principal,
        index_line: Principal,
        auditor: Principal,
        settings: GatewayArgs,
    ) -> Deployment {
        let gateways = vec![store_line, index_line, auditor];
        self.install_wired(gateways, (store_line, index_line), settings)
    }

    /// `gateways` may call the store and the index, which the gateway takes to be `peers`.
    fn install_wired(
        self,
        gateways: Vec<Principal>,
        peers: (Principal, Principal),
        settings: GatewayArgs,
    ) -> Deployment {
        let gateways = Some(gateways);
        self.install_one(
            Part::BlobStore,
            &BlobStoreArgs {
                gateways: gateways.clone(),
            },
        );
        self.install_one(Part::MemoryIndex, &MemoryIndexArgs { gateways });
        self.install_one(
            Part::Gateway,
            &GatewayArgs {
                memory_index: Some(peers.1),
                blob_stores: Some(vec![peers.0]),
                ..settings
            },
        );
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
        let module = wasm(part.name());
        self.pic
            .install_canister(self.id(part), module, args, Some(self.controller));
    }
}

fn create(pic: &PocketIc, controller: Principal, cycles: u128) -> Principal {
    let id = pic.create_canister_with_settings(Some(controller), None);
    pic.add_cycles(id, cycles);
    id
}

/// The canisters at work.
pub struct Deployment {
    pub pic: PocketIc,
    /// Who may install, configure and stop.
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

    /// Calls to the gateway in somebody's name.
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

    /// Installs the same module again as an upgrade, without stopping first.
    pub fn upgrade_rudely(&self, part: Part) -> Result<(), RejectResponse> {
        let nothing = Encode!(&None::<()>).expect("BUG: null can be encoded");
        self.pic.upgrade_canister(
            self.id(part),
            wasm(part.name()),
            nothing,
            Some(self.controller),
        )
    }

    /// An upgrade as deploy tools do it: stop, install, start.
    pub fn upgrade(&self, part: Part) {
        self.stop(part);
        self.upgrade_rudely(part)
            .unwrap_or_else(|e| panic!("{} can be upgraded: {e}", part.name()));
        self.start(part);
    }
}

/// The principal of somebody who is known by name only.
pub fn person(name: &str) -> Principal {
    Principal::self_authenticating(name)
}

/// All three canisters on a fresh network.
pub fn deploy() -> Deployment {
    Created::on(crate::engine::network()).install(GatewayArgs::default())
}
