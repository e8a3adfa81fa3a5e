//! The network of a history: the three canisters, with a chaos canister before each peer.

use super::plan::{Beginning, Fault, OtherIndex, Outage, Owner, Place};
use super::verdict::Checked;
use crate::client::Client;
use crate::deployment::{Created, Deployment, Lines, Part, person, release_0_1_0, wasm};
use candid::{Principal, encode_args, encode_one};
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::{CanisterSettings, PocketIc};
use std::time::Duration;

/// A freezing threshold that no balance reaches, in seconds.
const FROZEN_SECONDS: u64 = 1_000_000_000_000_000;
const USUAL_FREEZING_SECONDS: u64 = 30 * 24 * 3_600;

pub struct World {
    pub deployment: Deployment,
    store_line: Principal,
    index_line: Principal,
    /// The settings of the gateway beyond the wiring.
    pub(super) settings: GatewayArgs,
    /// The canisters that still have their modules of release 0.1.0.
    pub(super) old: Vec<Part>,
    /// The canisters over whose module this history put that of release 0.1.0.
    pub(super) had_old: Vec<Part>,
    /// A person with the rights of a gateway, who reads from the store and the index.
    auditor: Principal,
    /// Counts how often the gateway was stopped, frozen or upgraded.
    pub gateway_disturbed: u32,
    /// The outages now, and the steps that each still lasts.
    outages: Vec<(Outage, usize)>,
    /// The canisters that this history froze at any time.
    frozen: Vec<Place>,
    /// The canisters that this history tried to upgrade to the module of another one.
    pub(super) mistaken: Vec<Part>,
    /// An index without any capsule, once a step needed it.
    pub(super) empty_index: Option<Principal>,
    /// Counts how often the gateway got the empty index, and its own back.
    pub empty_index_changes: u32,
    /// The time that passed so far.
    pub seconds: u64,
    /// The rounds that were run so far.
    pub rounds: u64,
}

impl World {
    /// Installs the canisters with these settings of the gateway.
    pub fn new(pic: PocketIc, beginning: Option<&Beginning>, settings: GatewayArgs) -> Self {
        let mut old = Part::ALL.to_vec();
        old.retain(|part| beginning.is_some_and(|beginning| beginning.is_old(*part)));
        let begins_old = old.clone();
        let created = Created::on(pic).with_modules(move |part| match begins_old.contains(&part) {
            true => release_0_1_0(part),
            false => wasm(part.name()),
        });
        let store_line = created.chaos_before(Part::BlobStore);
        let index_line = created.chaos_before(Part::MemoryIndex);
        let auditor = person("auditor");
        let lines = Lines {
            store: Some(store_line),
            index: Some(index_line),
            auditor: Some(auditor),
        };
        World {
            deployment: created.install_behind(lines, settings.clone()),
            settings,
            old,
            had_old: Vec::new(),
            store_line,
            index_line,
            auditor,
            gateway_disturbed: 0,
            outages: Vec::new(),
            frozen: Vec::new(),
            mistaken: Vec::new(),
            empty_index: None,
            empty_index_changes: 0,
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

    /// A canister as its controller calls it.
    pub(super) fn operator(&self, part: Part) -> Client<'_> {
        let controller = self.deployment.controller;
        Client::new(self.pic(), self.deployment.id(part), controller)
    }

    pub(super) fn id(&self, place: Place) -> Principal {
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
        let line = match method.starts_with("blob_") || method == "store_status" {
            true => self.store_line,
            false => self.index_line,
        };
        let plan = encode_one(vec![(method, fault)]).expect("BUG: a plan is Candid");
        // The plan arrives with the next round. A stopped line gets none: its calls fail anyway.
        let _ = self
            .pic()
            .submit_call(line, self.deployment.controller, "plan", plan);
    }

    /// Begins an outage, unless it or a similar one prevents it.
    pub fn begin_outage(&mut self, outage: Outage, steps: usize) {
        // A frozen canister can't be managed, because it can't pay for the message.
        let impossible = match outage {
            Outage::Stopped(place) => self.has(Outage::Frozen(place)),
            Outage::Frozen(place) => self.has(Outage::Stopped(place)),
            Outage::WrongIndex(_) => self.has_wrong_index(),
            // As long as the store is of release 0.1.0, that module is the right one.
            Outage::OldStore => self.is_old(Part::BlobStore),
            Outage::Unregistered(_) | Outage::StoreRemoved => false,
        };
        if impossible || self.has(outage) {
            return;
        }
        let begun = match outage {
            Outage::Stopped(place) => {
                self.stop(place);
                true
            }
            Outage::Frozen(place) => {
                self.set_freezing(place, FROZEN_SECONDS);
                self.frozen.push(place);
                true
            }
            Outage::Unregistered(place) => self.register(place, "gateways_unregister"),
            Outage::WrongIndex(other) => self.change_index(other),
            Outage::StoreRemoved => self.list_store("stores_remove"),
            Outage::OldStore => self.put_old_store_back(),
        };
        if let Outage::Stopped(Place::Gateway) | Outage::Frozen(Place::Gateway) = outage {
            self.gateway_disturbed += 1;
        }
        if begun {
            self.note_change(outage);
            self.outages.push((outage, steps));
        }
    }

    /// Counts one step, and ends the outages that are over.
    pub fn count_down(&mut self) {
        for (_, steps) in &mut self.outages {
            *steps = steps.saturating_sub(1);
        }
        self.end_outages(|steps| steps == 0);
    }

    /// Ends the outages with so many steps left, as far as it can. The others are in force
    /// meanwhile.
    fn end_outages(&mut self, is_over: impl Fn(usize) -> bool) {
        for (outage, steps) in self.outages.clone() {
            if is_over(steps) && self.end_outage(outage) {
                self.outages.retain(|(other, _)| *other != outage);
            }
        }
    }

    /// Ends all outages and removes all plans.
    ///
    /// # Errors
    /// When a canister that runs doesn't take its role back.
    pub fn mend(&mut self) -> Checked {
        // The first turn starts every canister, so that the second one reaches each.
        for _ in 0..2 {
            self.end_outages(|_| true);
        }
        if !self.outages.is_empty() {
            return Err(format!("the operator can't end {:?}", self.outages));
        }
        for line in [self.store_line, self.index_line] {
            let nothing = encode_args(()).expect("BUG: nothing is Candid");
            let controller = self.deployment.controller;
            let calmed = self.pic().update_call(line, controller, "calm", nothing);
            calmed.expect("BUG: a running line can be calmed");
        }
        Ok(())
    }

    /// Returns whether it ended. A canister that is stopped or frozen takes nothing back.
    fn end_outage(&mut self, outage: Outage) -> bool {
        let ended = match outage {
            Outage::Stopped(place) => {
                self.start(place);
                true
            }
            Outage::Frozen(place) => {
                self.set_freezing(place, USUAL_FREEZING_SECONDS);
                true
            }
            Outage::Unregistered(place) => self.register(place, "gateways_register"),
            Outage::WrongIndex(_) => self.change_index_back(),
            Outage::StoreRemoved => self.list_store("stores_add"),
            Outage::OldStore => self.put_new_store_back(),
        };
        if ended {
            self.note_change(outage);
        }
        ended
    }

    /// Counts the beginnings and the ends of the outages that allow other answers.
    fn note_change(&mut self, outage: Outage) {
        if outage == Outage::WrongIndex(OtherIndex::Empty) {
            self.empty_index_changes += 1;
        }
    }

    pub fn has_empty_index(&self) -> bool {
        self.has(Outage::WrongIndex(OtherIndex::Empty))
    }

    fn has_wrong_index(&self) -> bool {
        let mut outages = self.outages.iter();
        outages.any(|(outage, _)| matches!(outage, Outage::WrongIndex(_)))
    }

    /// Whether this history froze a canister at any time.
    pub fn froze(&self, part: Part) -> bool {
        let id = self.deployment.id(part);
        self.frozen.iter().any(|place| self.id(*place) == id)
    }

    pub(super) fn has(&self, wanted: Outage) -> bool {
        self.outages.iter().any(|(outage, _)| *outage == wanted)
    }

    pub(super) fn stop(&self, place: Place) {
        let stopped = self
            .pic()
            .stop_canister(self.id(place), Some(self.deployment.controller));
        stopped.unwrap_or_else(|e| panic!("{place:?} can be stopped: {e}"));
    }

    pub(super) fn start(&self, place: Place) {
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
}

pub fn principal(owner: Owner) -> Principal {
    person(&format!("{owner:?}"))
}

pub fn stranger() -> Principal {
    person("Mallory")
}
