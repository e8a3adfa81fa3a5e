//! The budgets of bytes a day: of each principal, of all strangers, and of the whole gateway.
//!
//! A budget is a leaky bucket. It takes a day's bytes at once and runs empty evenly within a day,
//! so it says exactly when it is free again.

use crate::failure::{Failure, Result};
use crate::session::standing::Standing;
use candid::Principal;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use capsule_shared::gateway::GatewayConfig;
use ic_stable_structures::{Memory, StableBTreeMap};
use std::ops::Bound;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 24 * 3_600 * SECOND_NS;

/// The most principals whose bytes are counted apart. The bytes of others still count in all.
///
/// Source: our choice; about 10 MB of stable memory.
const MAX_PRINCIPALS: u64 = 100_000;

/// How many principals a new one has looked at, to forget those whose buckets are empty.
const SWEPT_AT_ONCE: usize = 4;

/// Refused chunks run and get their typed error up to this part of a budget a day. Beyond it,
/// inspection refuses them, which costs nothing.
const REFUSED_PART: u64 = 64;

/// At least this many bytes of refused chunks a day get their typed error.
const LEAST_REFUSED_BYTES: u64 = 16 << 20;

/// When the buckets of one budget are empty, in nanoseconds since 1970. A full bucket is empty a
/// day later, so the time until then is the part of the budget that is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The bucket for the bytes of chunks that came.
    pub empty_at: u64,
    /// The bucket for the bytes of chunks that the budget refused.
    pub refused_empty_at: u64,
}

/// Layout, version 1: empty_at, refused_empty_at.
impl Record for Flow {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields.u64(self.empty_at).u64(self.refused_empty_at)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        Flow {
            empty_at: fields.u64(),
            refused_empty_at: fields.u64(),
        }
    }
}

storable!(Flow);

/// How long a bucket of `most` bytes a day takes to lose `bytes`, in nanoseconds.
fn time_of(bytes: u64, most: u64) -> u64 {
    let time = (u128::from(bytes) * u128::from(DAY_NS)).div_ceil(u128::from(most.max(1)));
    u64::try_from(time).unwrap_or(u64::MAX)
}

/// The bytes that a bucket of `most` bytes a day loses until it is empty.
fn used(empty_at: u64, now: u64, most: u64) -> u64 {
    let left = u128::from(empty_at.saturating_sub(now));
    let bytes = (left * u128::from(most)).div_ceil(u128::from(DAY_NS));
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// When the bucket is empty after `bytes` more.
fn filled(empty_at: u64, now: u64, bytes: u64, most: u64) -> u64 {
    empty_at.max(now).saturating_add(time_of(bytes, most))
}

fn most_refused(most: u64) -> u64 {
    (most / REFUSED_PART).max(LEAST_REFUSED_BYTES)
}

/// A budget that a chunk counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    Principal,
    /// All strangers together: half of the gateway's.
    Strangers,
    Gateway,
}

impl Budget {
    pub const ALL: [Budget; 3] = [Budget::Principal, Budget::Strangers, Budget::Gateway];

    /// Its name as a label of a metric.
    pub fn name(self) -> &'static str {
        match self {
            Budget::Principal => "principal",
            Budget::Strangers => "strangers",
            Budget::Gateway => "gateway",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Budget::Principal => "bytes per principal and day",
            Budget::Strangers => "bytes of all new principals per day",
            Budget::Gateway => "bytes of the gateway per day",
        }
    }

    fn key(self, who: Principal) -> (u8, Principal) {
        match self {
            Budget::Gateway => (0, Principal::management_canister()),
            Budget::Strangers => (1, Principal::management_canister()),
            Budget::Principal => (2, who),
        }
    }

    fn most(self, config: &GatewayConfig) -> u64 {
        match self {
            Budget::Gateway => config.max_bytes_per_day,
            Budget::Strangers => config.max_bytes_per_day / 2,
            Budget::Principal => config.max_bytes_per_principal_per_day,
        }
    }
}

/// A budget that has no room for a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedUp {
    pub budget: Budget,
    pub failure: Failure,
}

/// A chunk that asks for its bytes.
#[derive(Clone, Copy)]
pub struct Ask {
    pub who: Principal,
    pub standing: Standing,
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub now: u64,
}

impl Ask {
    /// The budgets that it counts against.
    fn budgets(self) -> impl Iterator<Item = Budget> {
        let all = Budget::ALL.into_iter();
        all.filter(move |budget| *budget != Budget::Strangers || self.standing == Standing::New)
    }
}

/// `(kind of budget, principal)` to [`Flow`].
pub struct Flows<M: Memory> {
    flows: StableBTreeMap<(u8, Principal), Flow, M>,
    /// Where the look for idle principals goes on; an upgrade may lose it.
    swept: Principal,
}

impl<M: Memory> Flows<M> {
    pub fn new(region: M) -> Self {
        Flows {
            flows: StableBTreeMap::init(region),
            swept: Principal::management_canister(),
        }
    }

    /// How many principals and common budgets have an entry.
    pub fn len(&self) -> u64 {
        self.flows.len()
    }

    /// How many bytes of a common budget are used at `now`.
    pub fn used(&self, budget: Budget, config: &GatewayConfig, now: u64) -> u64 {
        let flow = self.flow(budget, Principal::management_canister());
        used(flow.empty_at, now, budget.most(config))
    }

    /// Counts the bytes of a chunk, whatever becomes of it: `UsedUp` if a budget has no room for
    /// them. Then they count as refused only, so that somebody who waits gets room.
    pub fn charge(&mut self, ask: Ask, config: &GatewayConfig) -> std::result::Result<(), UsedUp> {
        for budget in ask.budgets() {
            let most = budget.most(config);
            let mut flow = self.flow(budget, ask.who);
            if let Err(failure) = check(budget, flow, most, ask) {
                let at = flow.refused_empty_at;
                flow.refused_empty_at = filled(at, ask.now, ask.bytes, most_refused(most));
                self.put(budget, ask, flow);
                return Err(UsedUp { budget, failure });
            }
        }
        for budget in ask.budgets() {
            let mut flow = self.flow(budget, ask.who);
            flow.empty_at = filled(flow.empty_at, ask.now, ask.bytes, budget.most(config));
            self.put(budget, ask, flow);
        }
        Ok(())
    }

    /// Whether a chunk may run: the budgets have room for it, or have refused little so far.
    pub fn admits(&self, ask: Ask, config: &GatewayConfig) -> bool {
        ask.budgets().all(|budget| {
            let most = budget.most(config);
            let flow = self.flow(budget, ask.who);
            let refused = filled(
                flow.refused_empty_at,
                ask.now,
                ask.bytes,
                most_refused(most),
            );
            check(budget, flow, most, ask).is_ok() || refused - ask.now <= DAY_NS
        })
    }

    fn flow(&self, budget: Budget, who: Principal) -> Flow {
        self.flows.get(&budget.key(who)).unwrap_or_default()
    }

    fn put(&mut self, budget: Budget, ask: Ask, flow: Flow) {
        let key = budget.key(ask.who);
        if budget == Budget::Principal && !self.flows.contains_key(&key) {
            self.sweep(ask.now);
            if self.flows.len() >= MAX_PRINCIPALS {
                return;
            }
        }
        self.flows.insert(key, flow);
    }

    /// Forgets a few principals whose buckets are empty.
    fn sweep(&mut self, now: u64) {
        let start = Bound::Excluded(Budget::Principal.key(self.swept));
        let next = self.flows.range((start, Bound::Unbounded));
        let seen: Vec<_> = next.take(SWEPT_AT_ONCE).map(|e| e.into_pair()).collect();
        // At the end, start again. The management canister's principal is the first.
        let last = seen.get(SWEPT_AT_ONCE - 1).map(|((_, who), _)| *who);
        self.swept = last.unwrap_or(Principal::management_canister());
        for (key, flow) in seen {
            if flow.empty_at.max(flow.refused_empty_at) <= now {
                self.flows.remove(&key);
            }
        }
    }
}

/// `ResourceExhausted` if the chunk never fits, temporary if it fits later.
fn check(budget: Budget, flow: Flow, most: u64, ask: Ask) -> Result<()> {
    if ask.bytes > most {
        return Err(Failure::ResourceExhausted);
    }
    let full_at = ask.now.saturating_add(DAY_NS);
    let over = filled(flow.empty_at, ask.now, ask.bytes, most).saturating_sub(full_at);
    if over == 0 {
        return Ok(());
    }
    Err(Failure::temporary(format!(
        "the budget of {} is used up: {} of {most} bytes; free again in {} s, \
         at {} ns since 1970",
        budget.text(),
        used(flow.empty_at, ask.now, most),
        over.div_ceil(SECOND_NS),
        ask.now.saturating_add(over)
    )))
}
