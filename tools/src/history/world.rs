//! The network of a history: the three canisters, with a chaos canister before each peer.

use super::plan::{Fault, Outage, Owner, Place};
use super::verdict::Checked;
use crate::client::Client;
use crate::deployment::{Created, Deployment, Lines, Part, person};
use candid::{Principal, encode_args, encode_one};
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::{CanisterSettings, PocketIc};
use std::time::Duration;

/// A freezing threshold that no balance reaches, in seconds.
const FROZEN_SECONDS: u64 = 1_000_000_000_000_000;
/// A deleted memory stays in the trash so long: less than the day after which nothing may be left.
const TRASH_SECONDS: u64 = 6 * 3_600;

const USUAL_FREEZING_SECONDS: u64 = 30 * 24 * 3_600;

pub struct World {
    pub deployment: Deployment,
    store_line: Principal,
    index_line: Principal,
    /// A person with the rights of a gateway, who reads from the store and the index.
    auditor: Principal,
    /// Counts how often the gateway was stopped, frozen or upgraded.
    pub gateway_disturbed: u32,
    /// The outages now, and the steps that each still lasts.
    outages: Vec<(Outage, usize)>,
    /// The canisters that this history froze at any time.
    frozen: Vec<Place>,
    /// The time that passed so far.
    pub seconds: u64,
    /// The rounds that were run so far.
    pub rounds: u64,
}

impl World {
    /// Installs the canisters with these settings of the gateway.
    pub fn new(pic: PocketIc, settings: GatewayArgs) -> Self {
        let created = Created::on(pic);
        let store_line = created.chaos_before(Part::BlobStore);
        let index_line = created.chaos_before(Part::MemoryIndex);
        let auditor = person("auditor");
        let lines = Lines {
            store: Some(store_line),
            index: Some(index_line),
            auditor: Some(auditor),
        };
        let settings = GatewayArgs {
            trash_retention_ns: Some(TRASH_SECONDS * 1_000_000_000),
            ..settings
        };
        World {
            deployment: created.install_behind(lines, settings),
            store_line,
            index_line,
            auditor,
            gateway_disturbed: 0,
            outages: Vec::new(),
            frozen: Vec::new(),
            seconds: 0,
            rounds: 0,
        }
    }

    pub fn pic(&self) -> &PocketIc {
        &self.deployment.pic
    }

    pub fn client(&self, owner: Owner) -> Client<'_> {
        self.deployment.client(principal(owner))
    }

    /// The store or the index as the auditor calls it.
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

    pub fn round(&mut self) {
        self.rounds += 1;
        self.pic().tick();
    }

    pub fn pass(&mut self, seconds: u64) {
        self.seconds += seconds;
        self.pic().advance_time(Duration::from_secs(seconds));
        self.round();
    }

    /// Plans the fate of the next call of a method.
    pub fn plan(&self, method: &str, fault: Fault) {
        let line = match method.starts_with("blob_") {
            true => self.store_line,
            false => self.index_line,
        };
        let plan = encode_one(vec![(method, fault)]).expect("BUG: a plan is Candid");
        // The plan arrives with the next round. A stopped line gets none: its calls fail anyway.
        let _ = self
            .pic()
            .submit_call(line, self.deployment.controller, "plan", plan);
    }

    pub fn begin_outage(&mut self, outage: Outage, steps: usize) {
        // A frozen canister can't be managed, because it can't pay for the message.
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
                self.frozen.push(place);
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

    /// Counts one step, and ends the outages that are over.
    pub fn count_down(&mut self) {
        for (_, steps) in &mut self.outages {
            *steps = steps.saturating_sub(1);
        }
        while let Some(at) = self.outages.iter().position(|(_, steps)| *steps == 0) {
            let (outage, _) = self.outages.remove(at);
            self.end_outage(outage);
        }
    }

    /// Ends all outages and removes all plans.
    pub fn mend(&mut self) {
        for (outage, _) in std::mem::take(&mut self.outages) {
            self.end_outage(outage);
        }
        // A peer that was stopped may have missed its registration: register again.
        for peer in [Place::Store, Place::Index] {
            self.register(peer, "gateways_register");
        }
        for line in [self.store_line, self.index_line] {
            let nothing = encode_args(()).expect("BUG: nothing is Candid");
            let controller = self.deployment.controller;
            let calmed = self.pic().update_call(line, controller, "calm", nothing);
            calmed.expect("BUG: a running line can be calmed");
        }
    }

    fn end_outage(&self, outage: Outage) {
        match outage {
            Outage::Stopped(place) => self.start(place),
            Outage::Frozen(place) => self.set_freezing(place, USUAL_FREEZING_SECONDS),
            Outage::Unregistered(place) => self.register(place, "gateways_register"),
        }
    }

    /// Whether this history froze a canister at any time.
    pub fn froze(&self, part: Part) -> bool {
        let id = self.deployment.id(part);
        self.frozen.iter().any(|place| self.id(*place) == id)
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

    /// Registers or unregisters a line. A peer that is stopped or frozen stays as it is.
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
