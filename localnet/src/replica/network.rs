//! One instance: its subnets, its canisters, and the messages between two rounds.

use super::canister::Canister;
use super::message::Request;
use super::node::NodeKey;
use super::subnets::{Subnet, subnets};
use super::types::{Answer, Call, MessageId, NetworkConfig};
use candid::Principal;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Where time starts unless it is set: 2021-05-06 19:17:10 UTC, as on an official PocketIC server.
const GENESIS: u64 = 1_620_328_630_000_000_000;

pub struct Network {
    /// Of the last round: what canisters see.
    pub(super) round_time: u64,
    /// What the next round will be at.
    pub(super) clock: u64,
    pub(super) subnets: Vec<Subnet>,
    pub(super) canisters: BTreeMap<Principal, Canister>,
    pub(super) ingress: VecDeque<(MessageId, Call)>,
    pub(super) statuses: HashMap<MessageId, Option<Answer>>,
    pub(super) management: VecDeque<Request>,
    /// Requests that are answered in the round of this number.
    pub(super) later: Vec<(u64, Request)>,
    pub(super) round: u64,
    pub(super) node: NodeKey,
    /// Modules that were compiled before: installing them again is cheap.
    pub(super) known_modules: HashSet<[u8; 32]>,
    pub(super) messages: u64,
    pub(super) instructions_this_round: u64,
}

impl Network {
    pub fn new(config: NetworkConfig) -> Result<Self, String> {
        let subnets = subnets(&config)?;
        Ok(Self {
            round_time: config.initial_time.unwrap_or(GENESIS),
            clock: config.initial_time.unwrap_or(GENESIS),
            subnets,
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
}
