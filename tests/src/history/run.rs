//! Runs a history: sends what its clients send, and judges each answer as it comes.

use super::Checked;
use super::audit::audit;
use super::model::{Composition, Session, bytes, chunk, sha256};
use super::plan::{File, History, Owner, Step};
use super::world::{World, principal, stranger};
use crate::source::{UploadSpec, document};
use candid::utils::ArgumentEncoder;
use candid::{CandidType, Principal, decode_one, encode_args};
use capsule_shared::Error;
use capsule_shared::capsule::Capsule;
use capsule_shared::upload::UploadFinishResult;
use pocket_ic::common::rest::RawMessageId;
use pocket_ic::{ErrorCode, PocketIc, RejectResponse};
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};
use std::collections::BTreeMap;

/// A pending session that nobody was heard of for longer may have expired.
const TTL_SECONDS: u64 = 24 * 3_600;

/// Rounds after which every call must have been answered.
const MAX_ROUNDS: u32 = 60;

/// What was asked.
#[derive(Clone, Debug)]
enum Asked {
    Begin {
        file: usize,
    },
    Put {
        session: u64,
        index: u32,
        altered: bool,
    },
    Finish {
        session: u64,
        /// Of which bytes the hash was; `None`: of no file's.
        composition: Option<Composition>,
    },
    Abort {
        session: u64,
    },
    Delete {
        session: u64,
    },
    Intrude,
    Grant,
}

/// A call on its way.
#[derive(Debug)]
struct Flight {
    id: RawMessageId,
    asked: Asked,
    /// As they were when it was sent.
    gateway_disturbed: u32,
    seconds: u64,
    ended: bool,
    acknowledged: bool,
}

pub struct Run<'a> {
    pub world: World,
    pub history: &'a History,
    pub capsules: BTreeMap<Owner, String>,
    pub sessions: BTreeMap<u64, Session>,
    /// The newest session of each file.
    current: Vec<Option<u64>>,
    /// When each session was begun, in seconds of the history.
    begun: BTreeMap<u64, u64>,
    flights: Vec<Flight>,
}

/// Runs one history on a fresh network; what is wrong is told in words.
pub fn run(pic: PocketIc, history: &History) -> Checked {
    let mut run = Run::new(World::new(pic), history)?;
    for (number, step) in history.steps.iter().enumerate() {
        run.step(step)
            .map_err(|e| format!("step {number}, {step:?}: {e}"))?;
    }
    run.calm()?;
    audit(run)
}

impl<'a> Run<'a> {
    fn new(world: World, history: &'a History) -> Checked<Self> {
        let mut capsules = BTreeMap::new();
        for owner in [Owner::Alice, Owner::Bob] {
            let made = world.client(owner).capsules_create(None);
            let made = made.map_err(|e| format!("no capsule for {owner:?}: {e}"))?;
            capsules.insert(owner, made.id);
        }
        capsules.insert(Owner::Carol, capsules[&Owner::Alice].clone());
        let alice = world.client(Owner::Alice);
        alice
            .add_controller(&capsules[&Owner::Alice], principal(Owner::Carol))
            .map_err(|e| format!("carol is no controller: {e}"))?;
        Ok(Run {
            world,
            history,
            capsules,
            sessions: BTreeMap::new(),
            current: vec![None; history.files.len()],
            begun: BTreeMap::new(),
            flights: Vec::new(),
        })
    }

    pub fn file(&self, number: usize) -> &'a File {
        &self.history.files[number]
    }

    fn step(&mut self, step: &Step) -> Checked {
        self.world.count_down();
        match *step {
            Step::Next(file) => self.next(file)?,
            Step::Begin(file) => self.begin(file)?,
            Step::Put {
                file,
                index,
                altered,
            } => {
                let index = index % self.file(file).chunks;
                if let Some(session) = self.current[file] {
                    self.put(session, index, altered)?;
                }
            }
            Step::Finish { file, wrong } => {
                if let Some(session) = self.current[file] {
                    self.finish(session, wrong)?;
                }
            }
            Step::Abort(file) => {
                if let Some(session) = self.current[file] {
                    self.known(session).may_have_ended = true;
                    self.send_for(
                        session,
                        "uploads_abort",
                        (session,),
                        Asked::Abort { session },
                    )?;
                }
            }
            Step::Delete(file) => self.delete(file)?,
            Step::Stranger(file) => self.intrude(file)?,
            Step::Grant(add) => self.grant(add)?,
            Step::Round => self.round()?,
            Step::Pass(seconds) => {
                self.world.pass(seconds);
                self.collect()?;
                self.round()?;
            }
            Step::Fault(method, fault) => self.world.plan(method, fault),
            Step::Outage(outage, steps) => {
                self.world.begin_outage(outage, steps);
                self.collect()?;
            }
            Step::Upgrade(place) => {
                self.world.upgrade(place, false)?;
                self.collect()?;
            }
            Step::Rudely(place) => {
                self.world.upgrade(place, true)?;
                self.collect()?;
            }
        }
        Ok(())
    }

    // ---- sending ------------------------------------------------------------------------------------------------

    fn send(
        &mut self,
        who: Principal,
        method: &str,
        args: impl ArgumentEncoder,
        asked: Asked,
    ) -> Checked {
        let arg = encode_args(args).expect("BUG: arguments are Candid");
        let session = match asked {
            Asked::Put { session, .. } | Asked::Finish { session, .. } => {
                self.sessions.get(&session)
            }
            _ => None,
        };
        let ended = session.is_some_and(|s| s.ended);
        let acknowledged = session.is_some_and(|s| s.is_acknowledged(self.file(s.file).chunks));
        let gateway = self.world.deployment.gateway;
        match self.world.pic().submit_call(gateway, who, method, arg) {
            Ok(id) => self.flights.push(Flight {
                id,
                asked,
                gateway_disturbed: self.world.gateway_disturbed,
                seconds: self.world.seconds,
                ended,
                acknowledged,
            }),
            Err(reject) => check_unavailable(&reject)
                .map_err(|e| format!("{asked:?} was not accepted: {e}"))?,
        }
        Ok(())
    }

    fn send_for(
        &mut self,
        session: u64,
        method: &str,
        args: impl ArgumentEncoder,
        asked: Asked,
    ) -> Checked {
        let owner = self.file(self.sessions[&session].file).owner;
        self.send(principal(owner), method, args, asked)
    }

    fn next(&mut self, file: usize) -> Checked {
        let beginning =
            |flight: &Flight| matches!(flight.asked, Asked::Begin { file: f } if f == file);
        let Some(session) = self.current[file] else {
            return match self.flights.iter().any(beginning) {
                true => self.round(),
                false => self.begin(file),
            };
        };
        let on_its_way: Vec<u32> = self
            .flights
            .iter()
            .filter_map(|flight| match flight.asked {
                Asked::Put {
                    session: s, index, ..
                } if s == session => Some(index),
                _ => None,
            })
            .collect();
        let known = &self.sessions[&session];
        if known.ended || known.deleted {
            return self.begin(file);
        }
        let chunks = self.file(file).chunks;
        let missing = (0..chunks)
            .find(|index| !known.acknowledged.contains_key(index) && !on_its_way.contains(index));
        match missing {
            Some(index) => self.put(session, index, false),
            None if on_its_way.is_empty() => self.finish(session, false),
            None => self.round(),
        }
    }

    pub fn spec(&self, file: usize) -> UploadSpec {
        let plan = self.file(file);
        let size = (plan.chunks as usize - 1) * plan.len + plan.last;
        UploadSpec {
            metadata: document(
                &format!("file-{file}"),
                if plan.declared { size as u64 } else { 0 },
            ),
            chunk_size: plan.len,
            expected_chunks: plan.chunks,
            idempotency_key: format!("key-{file}"),
        }
    }

    fn begin(&mut self, file: usize) -> Checked {
        let owner = self.file(file).owner;
        let spec = self.spec(file);
        let capsule = self.capsules[&owner].clone();
        let args = (
            &capsule,
            &spec.metadata,
            spec.expected_chunks,
            &spec.idempotency_key,
        );
        self.send(
            principal(owner),
            "uploads_begin",
            args,
            Asked::Begin { file },
        )
    }

    fn put(&mut self, session: u64, index: u32, altered: bool) -> Checked {
        let file = self.sessions[&session].file;
        let bytes = chunk(file, self.file(file), index, altered);
        if altered {
            self.known(session).altered.insert(index);
        }
        let args = (session, index, Bytes::new(&bytes));
        let asked = Asked::Put {
            session,
            index,
            altered,
        };
        self.send_for(session, "uploads_put_chunk", args, asked)
    }

    fn finish(&mut self, session: u64, wrong: bool) -> Checked {
        let number = self.sessions[&session].file;
        let file = self.file(number);
        let composition = self.sessions[&session].composition(file.chunks);
        let whole = bytes(number, file, &composition);
        let hash = if wrong { [0; 32] } else { sha256(&whole) };
        let known = self.known(session);
        if !wrong {
            known.finishes.insert(composition.clone());
        }
        // Carol's right may be gone.
        known.may_have_ended |= file.owner == Owner::Carol;
        let args = (session, Bytes::new(&hash), whole.len() as u64);
        let asked = Asked::Finish {
            session,
            composition: (!wrong).then_some(composition),
        };
        self.send_for(session, "uploads_finish", args, asked)
    }

    fn delete(&mut self, file: usize) -> Checked {
        let committed = self.sessions.iter().find(|(_, session)| {
            session.file == file && session.committed.is_some() && !session.deleted
        });
        let Some((id, session)) = committed else {
            return Ok(());
        };
        let (id, result) = (*id, session.committed.as_ref());
        let memory = result.expect("BUG: it was looked for").0.memory_id.clone();
        let known = self.known(id);
        known.delete_sent = true;
        known.may_have_ended = true;
        self.send_for(
            id,
            "memories_delete",
            (memory,),
            Asked::Delete { session: id },
        )
    }

    fn intrude(&mut self, file: usize) -> Checked {
        let Some(session) = self.current[file] else {
            return Ok(());
        };
        let put = (session, 0u32, Bytes::new(b"intruder"));
        self.send(stranger(), "uploads_put_chunk", put, Asked::Intrude)?;
        let finish = (session, Bytes::new(&[0; 32]), 0u64);
        self.send(stranger(), "uploads_finish", finish, Asked::Intrude)
    }

    fn grant(&mut self, add: bool) -> Checked {
        let method = match add {
            true => "capsules_add_controller",
            false => "capsules_remove_controller",
        };
        let args = (
            &self.capsules[&Owner::Alice].clone(),
            principal(Owner::Carol),
        );
        self.send(principal(Owner::Alice), method, args, Asked::Grant)
    }

    pub fn known(&mut self, session: u64) -> &mut Session {
        self.sessions
            .get_mut(&session)
            .expect("BUG: a session that nobody began")
    }

    // ---- answers ------------------------------------------------------------------------------------------------

    pub fn round(&mut self) -> Checked {
        self.world.round();
        self.collect()
    }

    /// Judges what has been answered.
    fn collect(&mut self) -> Checked {
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
                    // A committed one, whose record is gone, is as good as unknown.
                    known.ended |= known.finishes.is_empty();
                    Ok(())
                }
                Err(Error::Conflict(_)) => Ok(()),
                Err(error) => temporary(error),
            },
            Asked::Delete { session } => self.judge_delete(*session, decode(reply)?),
            Asked::Intrude => match decode::<candid::Reserved>(reply)? {
                Err(Error::Unauthorized | Error::NotFound) => Ok(()),
                other => Err(format!("a stranger was told {other:?}")),
            },
            Asked::Grant => match decode::<Capsule>(reply)? {
                Ok(_) => Ok(()),
                Err(error) => temporary(error),
            },
        }
    }

    fn judge_begin(&mut self, flight: &Flight, file: usize, answer: Result<u64, Error>) -> Checked {
        let id = match answer {
            Ok(id) => id,
            Err(Error::Unauthorized) if self.file(file).owner == Owner::Carol => return Ok(()),
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
                return Err(format!("sessions {old} and {id} of one key live at once"));
            }
        }
        self.sessions.insert(id, Session::of(file));
        self.current[file] = Some(id);
        // At the earliest: its answer may have come late.
        self.begun.insert(id, flight.seconds);
        Ok(())
    }

    /// Whether the session may be gone without anybody having been told.
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
            Ok(()) if flight.ended => Err("a session that has ended took a chunk".into()),
            Ok(()) => match known.acknowledged.insert(index, altered) {
                Some(before) if before != altered => {
                    Err(format!("chunk {index} was acknowledged with two contents"))
                }
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
            Ok(_) if flight.ended => Err("a session that has ended was finished".into()),
            Ok(result) => {
                let composition = composition.ok_or("a wrong hash was taken")?;
                let whole = bytes(number, file, composition);
                let hash = Some(ByteBuf::from(sha256(&whole)));
                if result.checksum_sha256 != hash || result.size != whole.len() as u64 {
                    return Err(format!("finished as something else: {result:?}"));
                }
                if known.ended {
                    return Err("it was finished although its abort was Ok".into());
                }
                match known
                    .committed
                    .replace((result.clone(), composition.clone()))
                {
                    Some(before) if before != (result, composition.clone()) => {
                        Err(format!("finished in two ways, before as {before:?}"))
                    }
                    _ => Ok(()),
                }
            }
            Err(Error::Unauthorized) if file.owner == Owner::Carol => {
                known.ended = true;
                Ok(())
            }
            Err(Error::NotFound) if gone => Ok(()),
            // All was acknowledged and the hash was right: there is nothing to object to.
            Err(Error::InvalidArgument(_)) if composition.is_none() || !flight.acknowledged => {
                Ok(())
            }
            Err(error) => temporary(error),
        }
    }

    fn judge_delete(&mut self, id: u64, answer: Result<(), Error>) -> Checked {
        let owner = self.file(self.sessions[&id].file).owner;
        match answer {
            Ok(()) => {
                self.known(id).deleted = true;
                Ok(())
            }
            Err(Error::Unauthorized) if owner == Owner::Carol => Ok(()),
            // Another call has deleted it.
            Err(Error::NotFound) => Ok(()),
            Err(error) => temporary(error),
        }
    }

    // ---- the end ------------------------------------------------------------------------------------------------

    /// Mends everything, and waits until every call is answered.
    fn calm(&mut self) -> Checked {
        self.world.mend();
        for _ in 0..MAX_ROUNDS {
            self.round()?;
            if self.flights.is_empty() {
                return Ok(());
            }
            self.world.pass(5);
        }
        Err(format!("calls that are never answered: {:?}", self.flights))
    }
}

fn decode<T: CandidType + DeserializeOwned>(reply: &[u8]) -> Checked<Result<T, Error>> {
    decode_one(reply).map_err(|e| format!("the reply is not of the interface: {e}"))
}

fn temporary(error: Error) -> Checked {
    match error.is_temporary() {
        true => Ok(()),
        false => Err(format!("unexpected: {error}")),
    }
}

/// A gateway that is stopped, frozen or being upgraded doesn't answer; a trap is no excuse.
fn check_unavailable(reject: &RejectResponse) -> Checked {
    match reject.error_code {
        ErrorCode::CanisterStopped
        | ErrorCode::CanisterStopping
        | ErrorCode::CanisterOutOfCycles
        // What is inspected for a canister that changes meanwhile.
        | ErrorCode::CanisterRejectedMessage => Ok(()),
        _ => Err(reject.to_string()),
    }
}
