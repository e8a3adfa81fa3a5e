//! A network and everything that may happen to it from outside. There is one way in, so that it can be written down and
//! done again.

use super::error::Refusal;
use super::journal::Journal;
use crate::replica::{Call, MessageId, Network, NetworkConfig, Reject};
use candid::Principal;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// How long after its expiry an agent's message can be asked for, nanoseconds.
const KEPT_NS: u64 = 5 * 60_000_000_000;

/// What happens to a network from outside. Times are nanoseconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    Submit {
        /// The id that its agent chose, and when the message expires.
        agent: Option<(ByteBuf, u64)>,
        sender: Principal,
        canister: Principal,
        method: String,
        arg: ByteBuf,
        effective: Option<Principal>,
    },
    Tick,
    /// A round at the time of the clock, if that is later than the network's.
    TickAt(u64),
    SetTime(u64),
    /// Cycles, in decimal digits.
    AddCycles(Principal, String),
    SetStableMemory(Principal, ByteBuf),
}

/// What came of an event.
enum Outcome {
    Submitted(Result<MessageId, Reject>),
    Done(Result<(), String>),
    Balance(Option<u128>),
}

/// A network, who submitted its messages, and where what happens is written down.
pub struct Live {
    pub network: Network,
    /// The sender of every submitted message: only it may read the message's status.
    pub senders: HashMap<MessageId, Principal>,
    /// When the messages of agents expire: from then on they can't be sent again, and some time later nobody asks for them.
    expiries: BTreeSet<(u64, MessageId)>,
    journal: Option<Journal>,
}

impl Live {
    /// A new network that ends with the process.
    pub fn new(config: NetworkConfig) -> Result<Self, String> {
        Ok(Self {
            network: Network::new(config)?,
            senders: HashMap::new(),
            expiries: BTreeSet::new(),
            journal: None,
        })
    }

    /// A network whose state is kept in a folder: what is there goes on, whatever the time is that `config` names.
    pub fn open(folder: &Path, config: NetworkConfig) -> Result<Self, String> {
        let mut opened = Journal::open(folder, config.clone())?;
        let same_time = NetworkConfig {
            initial_time: opened.config.initial_time,
            ..config
        };
        if same_time != opened.config {
            return Err(format!(
                "{} holds a network of other subnets",
                folder.display()
            ));
        }
        let mut live = Self::new(opened.config)?;
        while let Some(event) = opened.events.next_event()? {
            // what was refused then is refused again
            let _ = live.apply(event);
        }
        opened.journal.go_on_after(opened.events)?;
        live.network.clear_statistics();
        live.journal = Some(opened.journal);
        Ok(live)
    }

    fn happen(&mut self, event: Event) -> Result<Outcome, Refusal> {
        if let Some(journal) = &mut self.journal {
            journal.append(&event).map_err(Refusal::internal)?;
        }
        Ok(self.apply(event))
    }

    fn apply(&mut self, event: Event) -> Outcome {
        match event {
            Event::Submit {
                agent,
                sender,
                canister,
                method,
                arg,
                effective,
            } => {
                let call = Call {
                    sender,
                    canister,
                    method,
                    arg: arg.into_vec(),
                    effective,
                };
                Outcome::Submitted(self.take(call, agent))
            }
            Event::Tick => {
                self.network.tick();
                Outcome::Done(Ok(()))
            }
            Event::TickAt(time) => {
                let set = match time > self.network.time() {
                    true => self.network.set_time(time),
                    false => Ok(()),
                };
                self.network.tick();
                self.forget_expired();
                Outcome::Done(set)
            }
            Event::SetTime(time) => Outcome::Done(self.network.set_time(time)),
            Event::AddCycles(canister, amount) => {
                let amount = amount.parse().unwrap_or(0);
                Outcome::Balance(self.network.add_cycles(canister, amount))
            }
            Event::SetStableMemory(canister, bytes) => {
                Outcome::Done(self.network.set_stable_memory(canister, &bytes))
            }
        }
    }

    fn take(&mut self, call: Call, agent: Option<(ByteBuf, u64)>) -> Result<MessageId, Reject> {
        let sender = call.sender;
        let chosen = agent.and_then(|(id, expiry)| {
            let id = <[u8; 32]>::try_from(id.as_slice()).ok()?;
            Some((MessageId(id), expiry))
        });
        let id = match chosen {
            None => self.network.submit(call)?,
            Some((id, expiry)) => {
                self.network.submit_as(id.clone(), call)?;
                self.expiries.insert((expiry, id.clone()));
                id
            }
        };
        self.senders.insert(id.clone(), sender);
        Ok(id)
    }

    /// Forgets the answers that nobody will ask for.
    fn forget_expired(&mut self) {
        let now = self.network.time();
        while let Some((expiry, _)) = self.expiries.first()
            && expiry.saturating_add(KEPT_NS) < now
            && let Some((_, id)) = self.expiries.pop_first()
        {
            self.network.forget(&id);
            self.senders.remove(&id);
        }
    }

    // ---- the way in -------------------------------------------------------------------------------------------------

    /// Takes a message into the next round; an agent names it, and says until when it may be sent.
    pub fn submit(
        &mut self,
        call: Call,
        agent: Option<(MessageId, u64)>,
    ) -> Result<Result<MessageId, Reject>, Refusal> {
        let event = Event::Submit {
            agent: agent.map(|(id, expiry)| (ByteBuf::from(id.0.to_vec()), expiry)),
            sender: call.sender,
            canister: call.canister,
            method: call.method,
            arg: ByteBuf::from(call.arg),
            effective: call.effective,
        };
        match self.happen(event)? {
            Outcome::Submitted(submitted) => Ok(submitted),
            _ => unreachable!("BUG: a submission has another outcome"),
        }
    }

    fn done(&mut self, event: Event) -> Result<(), Refusal> {
        match self.happen(event)? {
            Outcome::Done(done) => done.map_err(Refusal::bad_request),
            _ => unreachable!("BUG: an event has another outcome"),
        }
    }

    pub fn tick(&mut self) -> Result<(), Refusal> {
        self.done(Event::Tick)
    }

    pub fn tick_at(&mut self, time: u64) -> Result<(), Refusal> {
        self.done(Event::TickAt(time))
    }

    pub fn set_time(&mut self, time: u64) -> Result<(), Refusal> {
        self.done(Event::SetTime(time))
    }

    pub fn set_stable_memory(
        &mut self,
        canister: Principal,
        bytes: Vec<u8>,
    ) -> Result<(), Refusal> {
        self.done(Event::SetStableMemory(canister, ByteBuf::from(bytes)))
    }

    /// The balance afterwards; nothing where there is no such canister.
    pub fn add_cycles(
        &mut self,
        canister: Principal,
        amount: u128,
    ) -> Result<Option<u128>, Refusal> {
        match self.happen(Event::AddCycles(canister, amount.to_string()))? {
            Outcome::Balance(balance) => Ok(balance),
            _ => unreachable!("BUG: an event has another outcome"),
        }
    }
}
