//! The state of one instance: its subnets, its canisters, and the messages for the next round.

use super::canister::Canister;
use super::message::Request;
use super::node::NodeKey;
use super::subnets::{Subnet, subnets};
use super::types::{Answer, Call, MessageId, NetworkConfig};
use candid::Principal;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// The default start time, in nanoseconds since 1970: 2021-05-06 19:17:10 UTC, as on an official
/// PocketIC server.
const GENESIS: u64 = 1_620_328_630_000_000_000;

/// A network with everything in it.
pub struct Network {
    /// The time of the last round, which canisters see.
    pub(super) round_time: u64,
    /// The current time. The next round adds 1 ns to it.
    pub(super) clock: u64,
    pub(super) subnets: Vec<Subnet>,
    pub(super) canisters: BTreeMap<Principal, Canister>,
    pub(super) ingress: VecDeque<(MessageId, Call)>,
    pub(super) statuses: HashMap<MessageId, Option<Answer>>,
    pub(super) management: VecDeque<Request>,
    /// Requests with the number of the round that answers them.
    pub(super) later: Vec<(u64, Request)>,
    pub(super) round: u64,
    pub(super) node: NodeKey,
    /// Hashes of the modules that were compiled before. Installing them again is cheap.
    pub(super) known_modules: HashSet<[u8; 32]>,
    pub(super) messages: u64,
    pub(super) instructions_this_round: u64,
    /// Whether canisters have limits on what they may do in a round.
    pub(super) rate_limiting: bool,
}

impl Network {
    /// A network without canisters. Fails without a subnet and with more than 16.
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
            rate_limiting: !config.no_rate_limiting,
        })
    }
}
