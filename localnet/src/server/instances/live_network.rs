//! A network that records each event from outside before it applies it.
//!
//! There is one way in (`record`), so that the journal has everything and a new process can apply
//! it again.

use super::event::Event;
use super::journal::Journal;
use crate::replica::{Call, MessageId, Network, NetworkConfig, Reject};
use crate::server::refusal::Refusal;
use candid::Principal;
use serde_bytes::ByteBuf;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// How long the answer to an agent's message is kept after the message expires, nanoseconds.
const KEPT_NS: u64 = 5 * 60_000_000_000;

/// The result of an event.
enum Outcome {
    Submitted(Result<MessageId, Reject>),
    Done(Result<(), String>),
    Balance(Option<u128>),
}

/// A network, the senders of its messages, and its journal.
pub struct LiveNetwork {
    pub network: Network,
    /// The sender of every submitted message. Only the sender may read the message's status.
    pub senders: HashMap<MessageId, Principal>,
    /// When the messages of agents expire. From then on nobody can send them again, and the network
    /// forgets them `KEPT_NS` later.
    expiries: BTreeSet<(u64, MessageId)>,
    /// `None` for a network that ends with the process.
    journal: Option<Journal>,
    /// Whether time has passed since the last record.
    time_unrecorded: bool,
}

impl LiveNetwork {
    /// A new network that ends with the process.
    pub fn new(config: NetworkConfig) -> Result<Self, String> {
        Ok(Self {
            network: Network::new(config)?,
            senders: HashMap::new(),
            expiries: BTreeSet::new(),
            journal: None,
            time_unrecorded: false,
        })
    }

    /// A network whose journal is in `folder`. It continues from there, whatever initial time
    /// `config` names.
    ///
    /// # Errors
    ///
    /// Fails if the folder holds a network of other subnets, or if its journal can't be opened or
    /// read.
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
            // an event that was refused is refused again
            let _ = live.apply(event);
        }
        opened.journal.continue_after(opened.events)?;
        live.network.clear_statistics();
        live.journal = Some(opened.journal);
        Ok(live)
    }

    /// Writes the event into the journal, then applies it. Writes the time before it, if time has
    /// passed.
    fn record(&mut self, event: Event) -> Result<Outcome, Refusal> {
        if let Some(journal) = &mut self.journal {
            let full =
                |e: String| Refusal::temporary(format!("{e}; the network waits until it can"));
            // the time of `tick_at` is never earlier
            if self.time_unrecorded && !matches!(event, Event::TickAt(_)) {
                let time = Event::SetTime(self.network.time());
                journal.append(&time).map_err(full)?;
            }
            journal.append(&event).map_err(full)?;
            self.time_unrecorded = false;
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

    /// Forgets the answers to messages that expired more than `KEPT_NS` ago.
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

    /// Submits a message for the next round. An agent chooses the message's id and its expiry
    /// (nanoseconds since 1970).
    ///
    /// # Errors
    ///
    /// The inner error is the network's reject. The outer one says that the journal can't be
    /// written.
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
        match self.record(event)? {
            Outcome::Submitted(submitted) => Ok(submitted),
            _ => unreachable!("BUG: a submission has another outcome"),
        }
    }

    fn done(&mut self, event: Event) -> Result<(), Refusal> {
        match self.record(event)? {
            Outcome::Done(done) => done.map_err(Refusal::bad_request),
            _ => unreachable!("BUG: an event has another outcome"),
        }
    }

    pub fn tick(&mut self) -> Result<(), Refusal> {
        self.done(Event::Tick)
    }

    /// Runs a round at `time`, or at the network's own time if that is later. A round that would
    /// only charge for storage is left out, and nothing is recorded: the next round charges for it.
    pub fn tick_at(&mut self, time: u64) -> Result<(), Refusal> {
        let time = time.max(self.network.time());
        if self.network.is_quiet_at(time) {
            self.time_unrecorded = true;
            return self.network.set_time(time).map_err(Refusal::internal);
        }
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

    /// The new balance, or `None` if there is no such canister.
    pub fn add_cycles(
        &mut self,
        canister: Principal,
        amount: u128,
    ) -> Result<Option<u128>, Refusal> {
        match self.record(Event::AddCycles(canister, amount.to_string()))? {
            Outcome::Balance(balance) => Ok(balance),
            _ => unreachable!("BUG: an event has another outcome"),
        }
    }
}

#[cfg(test)]
mod tests;
