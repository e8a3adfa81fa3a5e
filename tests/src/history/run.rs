//! Runs a history step by step, and at its end mends everything. `send` and `judge` are what a step does and hears.

use super::Checked;
use super::audit::audit;
use super::model::{Composition, Session};
use super::plan::{File, History, Owner, Step};
use super::world::{World, principal};
use pocket_ic::PocketIc;
use pocket_ic::common::rest::RawMessageId;
use std::collections::BTreeMap;

/// Rounds after which every call must have been answered.
const MAX_ROUNDS: u32 = 60;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) enum Asked {
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
pub(super) struct Flight {
    pub id: RawMessageId,
    pub asked: Asked,
    /// As they were when it was sent.
    pub gateway_disturbed: u32,
    pub seconds: u64,
    pub ended: bool,
    pub acknowledged: bool,
}

pub struct Run<'a> {
    pub world: World,
    pub history: &'a History,
    pub capsules: BTreeMap<Owner, String>,
    pub sessions: BTreeMap<u64, Session>,
    /// The newest session of each file.
    pub(super) current: Vec<Option<u64>>,
    /// When each session was begun, in seconds of the history.
    pub(super) begun: BTreeMap<u64, u64>,
    pub(super) flights: Vec<Flight>,
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

    pub fn known(&mut self, session: u64) -> &mut Session {
        self.sessions
            .get_mut(&session)
            .expect("BUG: a session that nobody began")
    }

    pub fn round(&mut self) -> Checked {
        self.world.round();
        self.collect()
    }

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
