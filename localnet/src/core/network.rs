//! One instance: its subnets and canisters, what came from outside, and the round that moves everything on.

use super::canister::{Canister, Status};
use super::certificate::SubnetKey;
use super::message::{Input, Origin, Request, Response};
use super::node::NodeKey;
use super::prices;
use super::types::{Answer, Call, MessageId, NetworkConfig, Reject, SubnetInfo, SubnetKind, code};
use candid::Principal;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Where time starts unless it is set: 2021-05-06 19:17:10 UTC, as on an official PocketIC server.
const GENESIS: u64 = 1_620_328_630_000_000_000;
/// Instructions after which a round ends; what is left waits for the next.
const ROUND_INSTRUCTIONS: u64 = 7_000_000_000;
/// What each execution counts at least, so that a round of cheap messages ends too.
const EXECUTION_OVERHEAD: u64 = 2_000_000;
/// Canister ids of one subnet.
pub(super) const RANGE: u64 = 1 << 20;
/// Where the ranges of the first subnet begin; user canisters of PocketIC start here as well.
const FIRST_ID: u64 = 0xffff_ffff_ffe0_0000 - 16 * RANGE;

pub(crate) struct Subnet {
    pub info: SubnetInfo,
    pub key: SubnetKey,
    pub(super) first: u64,
    pub(super) next: u64,
}

pub struct Network {
    /// Of the last round: what canisters see.
    pub(crate) round_time: u64,
    /// What the next round will be at.
    pub(super) clock: u64,
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) canisters: BTreeMap<Principal, Canister>,
    ingress: VecDeque<(MessageId, Call)>,
    pub(super) statuses: HashMap<MessageId, Option<Answer>>,
    pub(crate) management: VecDeque<Request>,
    /// Requests that are answered in the round of this number.
    pub(crate) later: Vec<(u64, Request)>,
    pub(crate) round: u64,
    pub(crate) node: NodeKey,
    /// Modules that were compiled before: installing them again is cheap.
    pub(crate) known_modules: HashSet<[u8; 32]>,
    messages: u64,
    pub(crate) instructions_this_round: u64,
}

impl Network {
    pub fn new(config: NetworkConfig) -> Result<Self, String> {
        let mut kinds = vec![];
        for (wanted, kind) in [
            (config.nns, SubnetKind::Nns),
            (config.ii, SubnetKind::Ii),
            (config.fiduciary, SubnetKind::Fiduciary),
            (config.sns, SubnetKind::Sns),
            (config.bitcoin, SubnetKind::Bitcoin),
        ] {
            kinds.extend(wanted.then_some(kind));
        }
        for (count, kind) in [
            (config.system_subnets, SubnetKind::System),
            (config.verified_application, SubnetKind::VerifiedApplication),
            (config.cloud_engine, SubnetKind::CloudEngine),
            (config.application_subnets, SubnetKind::Application),
        ] {
            kinds.extend(std::iter::repeat_n(kind, count));
        }
        if kinds.is_empty() {
            return Err("a network needs at least one subnet".into());
        }
        if kinds.len() > 16 {
            return Err(format!("at most 16 subnets, not {}", kinds.len()));
        }
        let count = kinds.len() as u64;
        // the first subnet (NNS, if there is one) is the root
        let subnets = (0..).zip(kinds).map(|(i, kind)| {
            let key = SubnetKey::new(i as usize);
            // the last subnet (an application subnet, if there is one) has the ids that PocketIC gives out first
            let first = FIRST_ID + (16 - (count - 1 - i)) * RANGE;
            Subnet {
                info: SubnetInfo {
                    id: key.id(),
                    kind,
                    canister_ranges: vec![(canister_id(first), canister_id(first + RANGE - 1))],
                    node_count: 13,
                },
                key,
                first,
                next: first,
            }
        });
        Ok(Self {
            round_time: config.initial_time.unwrap_or(GENESIS),
            clock: config.initial_time.unwrap_or(GENESIS),
            subnets: subnets.collect(),
            canisters: BTreeMap::new(),
            ingress: VecDeque::new(),
            statuses: HashMap::new(),
            management: VecDeque::new(),
            later: vec![],
            round: 0,
            node: NodeKey::new(),
            known_modules: HashSet::new(),
            messages: 0,
            instructions_this_round: 0,
        })
    }

    /// Checks a message from outside and keeps it for the next round.
    pub fn submit(&mut self, call: Call) -> Result<MessageId, Reject> {
        let id = self.message_id(&call);
        self.submit_as(id.clone(), call)?;
        Ok(id)
    }

    /// The same under an id that the sender chose: taken as often as it is given, so a caller looks for it first.
    pub fn submit_as(&mut self, id: MessageId, call: Call) -> Result<(), Reject> {
        let bytes = call_bytes(&call) + prices::REQUEST_ID_BYTES;
        if bytes > prices::MAX_INGRESS {
            return Err(Reject::no_message(format!(
                "Request 0x{} is too large. Message byte size {bytes} is larger than the max allowed {}.",
                id.0.map(|b| format!("{b:02x}")).concat(),
                prices::MAX_INGRESS
            )));
        }
        if call.canister == Principal::management_canister() {
            crate::ic00::check_ingress(self, &call)?;
        } else {
            self.check_ingress(&call)?;
        }
        self.statuses.insert(id.clone(), None);
        self.ingress.push_back((id, call));
        Ok(())
    }

    fn message_id(&mut self, call: &Call) -> MessageId {
        self.messages += 1;
        let mut hash = Sha256::new();
        hash.update(self.messages.to_be_bytes());
        hash.update(call.canister.as_slice());
        hash.update(&call.method);
        hash.update(&call.arg);
        MessageId(hash.finalize().into())
    }

    /// What a canister's subnet checks before it takes an ingress message, the canister's own inspection included.
    fn check_ingress(&mut self, call: &Call) -> Result<(), Reject> {
        let fee = prices::ingress(call_bytes(call));
        let canister = self
            .canisters
            .get(&call.canister)
            .ok_or_else(|| Reject::not_found(call.canister))?;
        check_running(canister)?;
        if canister.code.is_none() {
            return Err(Reject::new(537, "Requested canister has no wasm module"));
        }
        let needed = fee + canister.freezing_reserve();
        if canister.balance < needed {
            return Err(Reject::out_of_cycles(
                call.canister,
                needed - canister.balance,
            ));
        }
        self.inspect(call)
    }

    /// Runs one round.
    pub fn tick(&mut self) {
        self.round += 1;
        self.clock += 1;
        self.round_time = self.clock;
        self.instructions_this_round = 0;
        self.charge_storage();
        self.expire_calls();
        self.expire_stops();
        self.schedule_tasks();
        self.induct();
        self.answer_later();
        while self.instructions_this_round < ROUND_INSTRUCTIONS {
            let mut busy = self.run_management();
            let ids: Vec<Principal> = self.canisters.keys().copied().collect();
            for id in ids {
                if self.step(id) {
                    busy = true;
                    self.instructions_this_round += EXECUTION_OVERHEAD;
                }
            }
            self.finish_stopping();
            if !busy {
                break;
            }
        }
        self.forgive_installs();
    }

    /// Whether nothing waits for the next round but time: timers, storage, deadlines.
    pub fn is_idle(&self) -> bool {
        let waits = |canister: &Canister| {
            let beats = |code: &super::canister::Code| code.module.has_hook("canister_heartbeat");
            !canister.queue.is_empty()
                || !canister.tasks.is_empty()
                || !canister.contexts.is_empty()
                || matches!(canister.status, Status::Stopping(_))
                || canister.code.as_ref().is_some_and(beats)
        };
        self.ingress.is_empty()
            && self.management.is_empty()
            && self.later.is_empty()
            && !self.canisters.values().any(waits)
    }

    /// Charges and queues what came from outside since the last round; management calls run at once.
    fn induct(&mut self) {
        for (id, call) in std::mem::take(&mut self.ingress) {
            let origin = Origin::Ingress(id, call.sender);
            if call.canister == Principal::management_canister() {
                crate::ic00::run_ingress(self, origin, call);
                continue;
            }
            let fee = prices::ingress(call_bytes(&call));
            let charged = match self.canisters.get_mut(&call.canister) {
                None => Err(Reject::not_found(call.canister)),
                Some(canister) => check_running(canister).and_then(|()| {
                    canister
                        .charge(fee)
                        .map_err(|missing| Reject::out_of_cycles(call.canister, missing))?;
                    canister.statistics.ingress_cycles += fee;
                    Ok(())
                }),
            };
            match charged {
                Err(reject) => self.answer(&origin, Err(reject), 0),
                Ok(()) => self.enqueue(Request {
                    origin,
                    callee: call.canister,
                    method: call.method,
                    arg: call.arg,
                    cycles: 0,
                }),
            }
        }
    }

    fn enqueue(&mut self, request: Request) {
        let canister = self.canisters.get_mut(&request.callee);
        canister
            .expect("BUG: queued for a canister that isn't there")
            .queue
            .push_back(Input::Request(request));
    }

    /// Takes a request to where it belongs, or answers it.
    pub(crate) fn send(&mut self, request: Request) {
        let callee = request.callee;
        if callee == Principal::management_canister() {
            self.management.push_back(request);
            return;
        }
        let refused = match self.canisters.get(&callee) {
            Some(canister) => check_running(canister).err(),
            None if self.route(callee).is_none() => {
                Some(Reject::new(301, format!("No route to canister {callee}")))
            }
            None => Some(Reject::not_found(callee)),
        };
        match refused {
            Some(reject) => self.answer(&request.origin, Err(reject), request.cycles),
            None => self.enqueue(request),
        }
    }

    /// Gives an answer to whoever waits for it.
    pub(crate) fn answer(&mut self, origin: &Origin, payload: Answer, refund: u128) {
        match origin {
            Origin::Task => {}
            Origin::Ingress(id, _) => {
                self.statuses.insert(id.clone(), Some(payload));
            }
            Origin::Canister { id, callback, .. } => {
                let payload = payload.map_err(|mut reject| {
                    truncate(&mut reject.message, prices::MAX_REJECT_MESSAGE);
                    reject
                });
                let Some(canister) = self.canisters.get_mut(id) else {
                    return;
                };
                match canister.callbacks.get_mut(callback) {
                    Some(waiting) if !waiting.answered => {
                        waiting.answered = true;
                        canister.queue.push_back(Input::Response(Response {
                            callback: *callback,
                            payload,
                            refund,
                        }));
                    }
                    // given up by its deadline: only the cycles are left
                    _ => canister.balance += refund,
                }
            }
        }
    }

    /// Answers a request that ran into an error of execution; canisters see the error's code before the text.
    pub(crate) fn answer_fault(&mut self, origin: &Origin, mut reject: Reject, refund: u128) {
        if let Origin::Canister { .. } = origin {
            reject.message = format!("IC0{}: {}", reject.error_code, reject.message);
        }
        self.answer(origin, Err(reject), refund);
    }

    fn run_management(&mut self) -> bool {
        let mut busy = false;
        while let Some(request) = self.management.pop_front() {
            busy = true;
            crate::ic00::run_request(self, request);
        }
        busy
    }

    /// Answers what was put off to this round: random bytes come from the next block.
    fn answer_later(&mut self) {
        let (due, later) = std::mem::take(&mut self.later)
            .into_iter()
            .partition(|(round, _)| *round <= self.round);
        self.later = later;
        let due: Vec<(u64, Request)> = due;
        for (_, request) in due {
            crate::ic00::answer_random(self, request);
        }
    }

    /// Canisters that are stopping and have nothing open are stopped.
    pub(crate) fn finish_stopping(&mut self) {
        let mut answered = vec![];
        for canister in self.canisters.values_mut() {
            if let Status::Stopping(waiting) = &mut canister.status
                && canister.contexts.is_empty()
            {
                answered.append(waiting);
                canister.status = Status::Stopped;
                canister.version += 1;
            }
        }
        for (origin, _) in answered {
            self.answer(&origin, Ok(crate::ic00::EMPTY_REPLY.to_vec()), 0);
        }
    }

    /// A new canister in a subnet: its id, or what is wrong.
    pub(crate) fn create(
        &mut self,
        subnet: Principal,
        settings: super::canister::Settings,
        balance: u128,
        wanted: Option<Principal>,
    ) -> Result<Principal, Reject> {
        let time = self.round_time;
        let home = self.subnets.iter_mut().find(|s| s.info.id == subnet);
        let home = home.ok_or_else(|| Reject::new(301, format!("Subnet {subnet} not found")))?;
        let id = match wanted {
            Some(id) => id,
            None => {
                while self.canisters.contains_key(&canister_id(home.next)) {
                    home.next += 1;
                }
                home.next += 1;
                canister_id(home.next - 1)
            }
        };
        if self.canisters.contains_key(&id) {
            return Err(Reject::new(
                402,
                format!("Canister {id} is already installed."),
            ));
        }
        let canister = Canister::new(id, subnet, settings, balance, time);
        self.canisters.insert(id, canister);
        Ok(id)
    }

    pub(crate) fn default_subnet(&self) -> Principal {
        let subnet = self.subnets.last().expect("BUG: a network without subnets");
        subnet.info.id
    }

    pub(crate) fn has_subnet(&self, id: Principal) -> bool {
        self.subnets.iter().any(|s| s.info.id == id)
    }

    /// Takes code and state away; whoever waits for an answer is told.
    pub(crate) fn uninstall(&mut self, id: Principal) {
        let Some(canister) = self.canisters.get_mut(&id) else {
            return;
        };
        canister.code = None;
        canister.timer = None;
        canister.certified_data.clear();
        canister.log.clear();
        canister.chunks.clear();
        canister.tasks.clear();
        canister.version += 1;
        let contexts = std::mem::take(&mut canister.contexts);
        for context in contexts.into_values().filter(|c| !c.answered) {
            let reject = Reject {
                code: code::CANISTER_REJECT,
                error_code: 406,
                message: "Canister has been uninstalled.".into(),
                certified: true,
            };
            self.answer(&context.origin, Err(reject), context.cycles);
        }
    }
}

/// Bytes of the call's CBOR request.
pub(crate) fn call_bytes(call: &Call) -> usize {
    prices::ingress_bytes(
        call.sender.as_slice().len(),
        call.method.len(),
        call.arg.len(),
    )
}

/// Whether a canister takes new messages.
pub(crate) fn check_running(canister: &Canister) -> Result<(), Reject> {
    match canister.status {
        Status::Running => Ok(()),
        Status::Stopping(_) => Err(Reject::new(
            509,
            format!("Canister {} is stopping", canister.id),
        )),
        Status::Stopped => Err(Reject::new(
            508,
            format!("Canister {} is stopped", canister.id),
        )),
    }
}

pub(super) fn canister_id(index: u64) -> Principal {
    let mut bytes = [1; 10];
    bytes[..8].copy_from_slice(&index.to_be_bytes());
    Principal::from_slice(&bytes)
}

pub(super) fn canister_index(id: Principal) -> Option<u64> {
    match id.as_slice() {
        [index @ .., 1, 1] => Some(u64::from_be_bytes(index.try_into().ok()?)),
        _ => None,
    }
}

/// Cuts a text to so many bytes, at a character's end.
pub(crate) fn truncate(text: &mut String, limit: usize) {
    text.truncate(text.floor_char_boundary(limit));
}
