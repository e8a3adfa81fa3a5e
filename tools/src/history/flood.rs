//! Strangers who flood the gateway while people upload. Identities cost nothing, so there are many.
//!
//! They never commit anything, so that the checks at the end find only what people stored.

use super::judge::decode;
use super::plan::Owner;
use super::run::{Asked, Run};
use super::strangers::Flood;
use super::verdict::Checked;
use super::world::principal;
use crate::client::{CallError, Client};
use crate::deployment::person;
use crate::source::UploadSpec;
use candid::{Principal, Reserved};
use capsule_shared::Error;
use serde_bytes::Bytes;

const STRANGERS: usize = 12;

/// Calls of strangers before each step of the history.
const BURST: usize = 8;

/// A newcomer must get in so long after the end of the flood.
const NEWCOMER_SECONDS: u64 = 10 * 60 + 1;

/// Tries of a call of a person who isn't locked out, but may meet a call in flight.
const TRIES: usize = 5;

fn stranger(number: usize) -> Principal {
    person(&format!("stranger {number}"))
}

fn spec(key: &str) -> UploadSpec {
    let mut spec = UploadSpec::document("junk", 4_000).in_chunks_of(2_000, 4_000);
    spec.idempotency_key = key.to_string();
    spec
}

impl Run<'_> {
    /// The operator lists the people as known.
    pub(super) fn list_people(&mut self) -> Checked {
        let deployment = &self.world.deployment;
        let operator = deployment.client(deployment.controller);
        let people: Vec<Principal> = Owner::ALL.map(principal).to_vec();
        let listed = operator.update::<()>("principals_add", (people,));
        listed.map_err(|e| format!("the people can't be listed: {e}"))
    }

    /// Every stranger gets a capsule.
    pub(super) fn begin_flood(&mut self) -> Checked {
        let deployment = &self.world.deployment;
        let capsules: Result<Vec<String>, CallError> = (0..STRANGERS)
            .map(|number| {
                Ok(deployment
                    .client(stranger(number))
                    .capsules_create(None)?
                    .id)
            })
            .collect();
        self.flood = Some(Flood {
            capsules: capsules.map_err(|e| format!("a stranger gets no capsule: {e}"))?,
            sessions: Vec::new(),
            calls: 0,
        });
        Ok(())
    }

    /// Sends a burst of calls of strangers.
    pub(super) fn flood(&mut self) -> Checked {
        for _ in 0..BURST {
            let Some(flood) = &mut self.flood else {
                return Ok(());
            };
            let number = flood.calls;
            flood.calls += 1;
            let (who, own) = (number % STRANGERS, number / STRANGERS);
            let capsule = flood.capsules[who].clone();
            let session = flood
                .sessions
                .get(own % flood.sessions.len().max(1))
                .copied();
            match number % 8 {
                0..=3 => self.flood_begin(who, &capsule, own)?,
                // The same begin again, so that the session isn't forgotten.
                4 => self.flood_begin(who, &capsule, own / 2)?,
                5 => {
                    let alices = self.capsules[&Owner::Alice].clone();
                    self.flood_begin(who, &alices, own)?;
                }
                6 => {
                    let (method, victim) = ("capsules_add_controller", principal(Owner::Alice));
                    let asked = Asked::Flood { begins: None };
                    self.send(stranger(who), method, (capsule, victim), asked)?;
                }
                _ => {
                    if let Some((who, session)) = session {
                        let put = (session, 0u32, Bytes::new(&[7; 2_000]));
                        let asked = Asked::Flood { begins: None };
                        self.send(stranger(who), "uploads_put_chunk", put, asked)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn flood_begin(&mut self, who: usize, capsule: &str, key: usize) -> Checked {
        let spec = spec(&format!("junk {key}"));
        let args = (
            capsule,
            &spec.metadata,
            spec.expected_chunks,
            &spec.idempotency_key,
        );
        let asked = Asked::Flood { begins: Some(who) };
        self.send(stranger(who), "uploads_begin", args, asked)
    }

    /// A stranger may get any typed answer, but no fault of the gateway.
    pub(super) fn judge_flood(&mut self, begins: Option<usize>, reply: &[u8]) -> Checked {
        let answer = match begins {
            Some(who) => decode::<u64>(reply)?.map(|session| {
                let flood = self.flood.as_mut();
                let flood = flood.expect("BUG: a stranger's call without strangers");
                flood.sessions.push((who, session));
            }),
            None => decode::<Reserved>(reply)?.map(|_| ()),
        };
        match answer {
            Err(error @ Error::Internal(_)) if !error.is_temporary() => {
                Err(format!("a stranger got {error}"))
            }
            _ => Ok(()),
        }
    }

    /// After a flood the people upload at once, and a newcomer does some minutes later.
    pub(super) fn nobody_is_locked_out(&mut self) -> Checked {
        if self.flood.is_none() {
            return Ok(());
        }
        for owner in [Owner::Alice, Owner::Bob] {
            let capsule = self.capsules[&owner].clone();
            let begun = self.begins_anew(principal(owner), &capsule);
            begun.map_err(|e| format!("{owner:?} is locked out: {e}"))?;
        }
        self.world.pass(NEWCOMER_SECONDS);
        let newcomer = person("newcomer");
        let client = self.world.deployment.client(newcomer);
        let capsule = client.capsules_create(None);
        let capsule = capsule.map_err(|e| format!("a newcomer gets no capsule: {e}"))?;
        let begun = self.begins_anew(newcomer, &capsule.id);
        begun.map_err(|e| format!("a newcomer is locked out: {e}"))
    }

    /// Begins an upload, and aborts it.
    fn begins_anew(&mut self, who: Principal, capsule: &str) -> Result<(), CallError> {
        let mut tries = 0;
        let begun = loop {
            tries += 1;
            let client: Client = self.world.deployment.client(who);
            match client.begin(capsule, &spec("after the flood")) {
                Err(CallError::Refused(error)) if error.is_temporary() && tries < TRIES => {
                    self.world.round();
                }
                answer => break answer,
            }
        };
        self.world.deployment.client(who).abort(begun?)
    }
}
