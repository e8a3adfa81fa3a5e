//! The network of a history: the three canisters, with a chaos canister on each line behind the gateway.

use super::Checked;
use super::plan::{Fault, Outage, Owner, Place};
use crate::client::Client;
use crate::deployment::{Created, Deployment, Part, person, wasm};
use candid::{Principal, encode_args, encode_one};
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::{CanisterSettings, PocketIc};
use std::time::Duration;

/// More seconds than any balance lasts.
const FROZEN_SECONDS: u64 = 1_000_000_000_000_000;
const USUAL_FREEZING_SECONDS: u64 = 30 * 24 * 3_600;

pub struct World {
    pub deployment: Deployment,
    store_line: Principal,
    index_line: Principal,
    /// A gateway by name only, which may look into the store and the index.
    auditor: Principal,
    /// How often the gateway was stopped, frozen or upgraded.
    pub gateway_disturbed: u32,
    /// What is out of order, and for how many steps more.
    outages: Vec<(Outage, usize)>,
    pub seconds: u64,
}

impl World {
    pub fn new(pic: PocketIc) -> Self {
        let created = Created::on(pic);
        let [store_line, index_line] = [
            created.chaos_for(Part::BlobStore),
            created.chaos_for(Part::MemoryIndex),
        ];
        let auditor = person("auditor");
        let deployment =
            created.install_behind(store_line, index_line, auditor, GatewayArgs::default());
        World {
            deployment,
            store_line,
            index_line,
            auditor,
            gateway_disturbed: 0,
            outages: Vec::new(),
            seconds: 0,
        }
    }

    pub fn pic(&self) -> &PocketIc {
        &self.deployment.pic
    }

    pub fn client(&self, owner: Owner) -> Client<'_> {
        self.deployment.client(principal(owner))
    }

    /// Looks into the store or the index.
    pub fn auditor(&self, part: Part) -> Client<'_> {
        Client::new(self.pic(), self.deployment.id(part), self.auditor)
    }

    fn id(&self, place: Place) -> Principal {
        match place {
            Place::Gateway => self.deployment.gateway,
            Place::Store => self.deployment.blob_store,
            Place::Index => self.deployment.memory_index,
            Place::StoreLine => self.store_line,
            Place::IndexLine => self.index_line,
        }
    }

    pub fn round(&self) {
        self.pic().tick();
    }

    pub fn pass(&mut self, seconds: u64) {
        self.seconds += seconds;
        self.pic().advance_time(Duration::from_secs(seconds));
        self.round();
    }

    /// Plans what happens to the next call of a method.
    pub fn plan(&self, method: &str, fault: Fault) {
        let line = match method.starts_with("blob_") {
            true => self.store_line,
            false => self.index_line,
        };
        let plan = encode_one(vec![(method, fault)]).expect("BUG: a plan is Candid");
        // It runs with the next round. A line that is stopped has no plans; then the call fails for that.
        let _ = self
            .pic()
            .submit_call(line, self.deployment.controller, "plan", plan);
    }

    // ---- outages ------------------------------------------------------------------------------------------------

    pub fn begin_outage(&mut self, outage: Outage, steps: usize) {
        // The management of a frozen canister isn't possible: it can't pay for the message.
        let impossible = match outage {
            Outage::Stopped(place) => self.has(Outage::Frozen(place)),
            Outage::Frozen(place) => self.has(Outage::Stopped(place)),
            Outage::Unregistered(_) => false,
        };
        if impossible || self.has(outage) {
            return;
        }
        let place = match outage {
            Outage::Stopped(place) => {
                self.stop(place);
                place
            }
            Outage::Frozen(place) => {
                self.set_freezing(place, FROZEN_SECONDS);
                place
            }
            Outage::Unregistered(place) => {
                self.register(place, "gateways_unregister");
                place
            }
        };
        if place == Place::Gateway {
            self.gateway_disturbed += 1;
        }
        self.outages.push((outage, steps));
    }

    /// One step is over.
    pub fn count_down(&mut self) {
        for (_, steps) in &mut self.outages {
            *steps = steps.saturating_sub(1);
        }
        while let Some(at) = self.outages.iter().position(|(_, steps)| *steps == 0) {
            let (outage, _) = self.outages.remove(at);
            self.end_outage(outage);
        }
    }

    /// Everything is in order from here on.
    pub fn mend(&mut self) {
        for (outage, _) in std::mem::take(&mut self.outages) {
            self.end_outage(outage);
        }
        // Again, in case that one was stopped when it should have been told.
        for peer in [Place::Store, Place::Index] {
            self.register(peer, "gateways_register");
        }
        for line in [self.store_line, self.index_line] {
            let nothing = encode_args(()).expect("BUG: nothing is Candid");
            let controller = self.deployment.controller;
            let calmed = self.pic().update_call(line, controller, "calm", nothing);
            calmed.expect("BUG: a line that runs can be calmed");
        }
    }

    fn end_outage(&self, outage: Outage) {
        match outage {
            Outage::Stopped(place) => self.start(place),
            Outage::Frozen(place) => self.set_freezing(place, USUAL_FREEZING_SECONDS),
            Outage::Unregistered(place) => self.register(place, "gateways_register"),
        }
    }

    fn has(&self, wanted: Outage) -> bool {
        self.outages.iter().any(|(outage, _)| *outage == wanted)
    }

    fn stop(&self, place: Place) {
        let stopped = self
            .pic()
            .stop_canister(self.id(place), Some(self.deployment.controller));
        stopped.unwrap_or_else(|e| panic!("{place:?} can be stopped: {e}"));
    }

    fn start(&self, place: Place) {
        let started = self
            .pic()
            .start_canister(self.id(place), Some(self.deployment.controller));
        started.unwrap_or_else(|e| panic!("{place:?} can be started: {e}"));
    }

    fn set_freezing(&self, place: Place, seconds: u64) {
        let settings = CanisterSettings {
            freezing_threshold: Some(seconds.into()),
            ..CanisterSettings::default()
        };
        let controller = Some(self.deployment.controller);
        let set = self
            .pic()
            .update_canister_settings(self.id(place), controller, settings);
        set.unwrap_or_else(|e| panic!("{place:?} can be frozen and thawed: {e}"));
    }

    /// The peer may be stopped or frozen just now: then nothing changes.
    fn register(&self, place: Place, method: &str) {
        let line = match place {
            Place::Index => self.index_line,
            _ => self.store_line,
        };
        let arg = encode_one(line).expect("BUG: an id is Candid");
        let controller = self.deployment.controller;
        let _ = self
            .pic()
            .update_call(self.id(place), controller, method, arg);
    }

    // ---- upgrades -----------------------------------------------------------------------------------------------

    /// Upgrades as deploy tools do it, or without stopping. An upgrade that is refused must be refused for a reason
    /// that it tells.
    pub fn upgrade(&mut self, place: Place, rudely: bool) -> Checked {
        let part = match place {
            Place::Gateway => Part::Gateway,
            Place::Store => Part::BlobStore,
            _ => Part::MemoryIndex,
        };
        if part == Part::Gateway {
            self.gateway_disturbed += 1;
        }
        if self.has(Outage::Frozen(place)) {
            return Ok(());
        }
        let was_stopped = self.has(Outage::Stopped(place));
        if !rudely && !was_stopped {
            self.stop(place);
        }
        let upgraded = self.deployment.upgrade_rudely(part);
        if !rudely && !was_stopped {
            self.start(place);
        }
        let Err(reject) = upgraded else {
            return Ok(());
        };
        let open = rudely
            && reject
                .reject_message
                .contains("calls to other canisters are open");
        match open {
            true => Ok(()),
            false => Err(format!("{part:?} can't be upgraded: {reject}")),
        }
    }
}

pub fn principal(owner: Owner) -> Principal {
    person(&format!("{owner:?}"))
}

pub fn stranger() -> Principal {
    person("Mallory")
}

impl Created {
    /// A chaos canister on the line to this part.
    fn chaos_for(&self, part: Part) -> Principal {
        let peer = encode_one(self.id(part)).expect("BUG: an id is Candid");
        self.create_installed(wasm("chaos"), peer)
    }
}
