//! Judges each answer as it arrives, by the promises to its client.

use super::model::{Composition, Session, bytes, sha256};
use super::plan::Owner;
use super::run::{Asked, Flight, Run};
use super::verdict::{Checked, check_unavailable};
use candid::{CandidType, Reserved, decode_one};
use capsule_shared::Error;
use capsule_shared::capsule::Capsule;
use capsule_shared::upload::UploadFinishResult;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

/// A pending session may expire when its client stays silent for longer.
const TTL_SECONDS: u64 = 24 * 3_600;

impl Run<'_> {
    /// Runs one round and judges the answers in it.
    pub(super) fn round(&mut self) -> Checked {
        self.world.round();
        self.collect()
    }

    /// Judges all answers that have arrived.
    pub(super) fn collect(&mut self) -> Checked {
        for flight in std::mem::take(&mut self.flights) {
            match self.world.pic().ingress_status(flight.id.clone()) {
                None => self.flights.push(flight),
                Some(Ok(reply)) => self
                    .judge(&flight, &reply)
                    .map_err(|e| format!("{:?}: {e}", flight.asked))?,
                Some(Err(reject)) => {
                    let disturbed = flight.gateway_disturbed != self.world.gateway_disturbed;
                    check_unavailable(&reject)
                        .and_then(|()| match disturbed {
                            true => Ok(()),
                            false => Err(format!("rejected without reason: {reject}")),
                        })
                        .map_err(|e| format!("{:?}: {e}", flight.asked))?;
                }
            }
        }
        Ok(())
    }

    fn judge(&mut self, flight: &Flight, reply: &[u8]) -> Checked {
        if let Asked::Begin { .. } | Asked::Put { .. } | Asked::Finish { .. } = flight.asked {
            let ok = decode::<Reserved>(reply)?.is_ok();
            let rounds = self.world.rounds - flight.round;
            self.tally.count(ok.then_some(rounds));
        }
        match &flight.asked {
            Asked::Begin { file } => self.judge_begin(flight, *file, decode(reply)?),
            Asked::Put {
                session,
                index,
                altered,
            } => self.judge_put(flight, (*session, *index, *altered), decode(reply)?),
            Asked::Finish {
                session,
                composition,
            } => self.judge_finish(flight, *session, composition.as_ref(), decode(reply)?),
            Asked::Abort { session } => match decode::<()>(reply)? {
                Ok(()) => {
                    let known = self.known(*session);
                    // Abort is Ok for a committed session, too, once its record is gone.
                    known.ended |= known.finishes.is_empty();
                    Ok(())
                }
                Err(Error::Conflict(_)) => Ok(()),
                Err(error) => temporary(error),
            },
            Asked::Delete { session, restores } => match decode(reply)? {
                // An index of release 0.1.0 has no trash.
                Err(Error::NotImplemented(_)) if flight.index_is_old => Ok(()),
                answer => self.judge_delete(*session, *restores, answer),
            },
            Asked::Purge { session, restores } => match decode(reply)? {
                // It isn't in the trash.
                Err(Error::Conflict(_)) => Ok(()),
                answer => {
                    let purged = answer.is_ok();
                    self.judge_delete(*session, *restores, answer)?;
                    let known = self.known(*session);
                    known.purged |= purged && known.deleted;
                    Ok(())
                }
            },
            Asked::Restore { .. } => match decode::<()>(reply)? {
                // Its time was over, it is being purged, or Carol lost her right.
                Ok(()) | Err(Error::NotFound | Error::Conflict(_)) => Ok(()),
                Err(error) => temporary(error),
            },
            Asked::Intrude => match decode::<Reserved>(reply)? {
                Err(Error::Unauthorized | Error::NotFound) => Ok(()),
                other => Err(format!("a stranger got {other:?}")),
            },
            Asked::Flood { begins } => self.judge_flood(*begins, reply),
            Asked::Grant | Asked::Remove => match decode::<Capsule>(reply)? {
                Ok(_) => Ok(()),
                // The empty index has no capsule.
                Err(Error::NotFound) if self.met_empty_index(flight) => Ok(()),
                Err(error) => temporary(error),
            },
        }
    }

    fn judge_begin(&mut self, flight: &Flight, file: usize, answer: Result<u64, Error>) -> Checked {
        let id = match answer {
            Ok(id) => id,
            Err(Error::Unauthorized) if self.file(file).owner == Owner::Carol => return Ok(()),
            // The empty index has no capsule.
            Err(Error::NotFound) if self.met_empty_index(flight) => return Ok(()),
            Err(error) => return temporary(error),
        };
        if let Some(known) = self.sessions.get(&id) {
            return match known.file == file {
                true => Ok(()),
                false => Err(format!("session {id} is of file {} already", known.file)),
            };
        }
        if let Some(old) = self.current[file] {
            let known = &self.sessions[&old];
            let age = self.world.seconds - self.begun[&old];
            if !known.ended && !known.may_have_ended && age < TTL_SECONDS {
                return Err(format!(
                    "sessions {old} and {id} have the same key and are both active"
                ));
            }
        }
        // A removal that met this begin may have ended the upload already.
        let met = flight.removals != self.removals;
        let session = Session {
            may_have_ended: met && self.file(file).owner == Owner::Carol,
            ..Session::of(file)
        };
        self.sessions.insert(id, session);
        self.current[file] = Some(id);
        // The answer may have come late: take the earliest time.
        self.begun.insert(id, flight.seconds);
        Ok(())
    }

    /// Whether the gateway had an empty index at any time since the call was sent.
    fn met_empty_index(&self, flight: &Flight) -> bool {
        self.world.empty_index_changes > flight.empty_index_changes || self.world.has_empty_index()
    }

    /// Returns whether the session may have ended without an answer that says so.
    fn may_be_gone(&self, session: u64) -> bool {
        let known = &self.sessions[&session];
        let age = self.world.seconds - self.begun[&session];
        known.ended || known.may_have_ended || age >= TTL_SECONDS
    }

    fn judge_put(
        &mut self,
        flight: &Flight,
        (id, index, altered): (u64, u32, bool),
        answer: Result<(), Error>,
    ) -> Checked {
        let gone = self.may_be_gone(id);
        let known = self.known(id);
        match answer {
            Ok(()) if flight.ended => Err("the ended session accepted a chunk".into()),
            Ok(()) => match known.acknowledged.insert(index, altered) {
                Some(before) if before != altered => Err(format!(
                    "chunk {index} was acknowledged with two different contents"
                )),
                _ => Ok(()),
            },
            Err(Error::Conflict(_))
                if known.altered.contains(&index) || !known.finishes.is_empty() =>
            {
                Ok(())
            }
            Err(Error::NotFound) if gone => Ok(()),
            Err(error) => temporary(error),
        }
    }

    fn judge_finish(
        &mut self,
        flight: &Flight,
        id: u64,
        composition: Option<&Composition>,
        answer: Result<UploadFinishResult, Error>,
    ) -> Checked {
        let gone = self.may_be_gone(id);
        let number = self.sessions[&id].file;
        let file = self.file(number);
        let known = self.known(id);
        match answer {
            Ok(_) if flight.ended => Err("the ended session was finished".into()),
            Ok(result) => {
                let composition = composition.ok_or("the gateway accepted a wrong hash")?;
                let whole = bytes(number, file, composition);
                let hash = Some(ByteBuf::from(sha256(&whole)));
                if result.checksum_sha256 != hash || result.size != whole.len() as u64 {
                    return Err(format!("the result is of other bytes: {result:?}"));
                }
                if known.ended {
                    return Err("finish was Ok, although the abort before was Ok".into());
                }
                match known
                    .committed
                    .replace((result.clone(), composition.clone()))
                {
                    Some(before) if before != (result, composition.clone()) => {
                        Err(format!("two results of finish, the first is {before:?}"))
                    }
                    _ => Ok(()),
                }
            }
            Err(Error::Unauthorized) if file.owner == Owner::Carol => {
                known.ended = true;
                Ok(())
            }
            Err(Error::NotFound) if gone => Ok(()),
            // With every chunk acknowledged and the right hash, the gateway has no reason to
            // refuse.
            Err(Error::InvalidArgument(_)) if composition.is_none() || !flight.acknowledged => {
                Ok(())
            }
            Err(error) => temporary(error),
        }
    }

    fn judge_delete(
        &mut self,
        id: u64,
        restores: Option<u32>,
        answer: Result<(), Error>,
    ) -> Checked {
        match answer {
            Ok(()) => {
                // A restore that was in flight or came later may have brought it back.
                let known = self.known(id);
                known.deleted |= restores == Some(known.restores);
                Ok(())
            }
            // Another call deleted it first, or Carol lost her right.
            Err(Error::NotFound) => Ok(()),
            Err(error) => temporary(error),
        }
    }
}

pub(super) fn decode<T: CandidType + DeserializeOwned>(reply: &[u8]) -> Checked<Result<T, Error>> {
    decode_one(reply).map_err(|e| format!("the reply is not of the interface: {e}"))
}

fn temporary(error: Error) -> Checked {
    match error.is_temporary() {
        true => Ok(()),
        false => Err(format!("unexpected: {error}")),
    }
}
