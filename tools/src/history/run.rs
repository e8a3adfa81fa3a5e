//! The state of a history while it runs: the network, what clients know, and the calls in flight.

use super::model::{Composition, Session};
use super::plan::{File, History, Owner};
use super::slips::{Roles, roles};
use super::strangers::Flood;
use super::tally::Tally;
use super::verdict::Checked;
use super::world::{World, principal};
use pocket_ic::common::rest::RawMessageId;
use std::collections::BTreeMap;

/// A request of a client.
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
        /// The bytes behind the hash; `None` for a hash of no file.
        composition: Option<Composition>,
    },
    Abort {
        session: u64,
    },
    Delete {
        session: u64,
        /// The restores of it that were sent before; `None` while one of them is in flight.
        restores: Option<u32>,
    },
    Restore {
        session: u64,
    },
    Purge {
        session: u64,
        restores: Option<u32>,
    },
    Intrude,
    Grant,
    /// Takes Carol's right away.
    Remove,
    /// A call of the flood: a begin of this stranger, or anything else.
    Flood {
        begins: Option<usize>,
    },
}

/// A call in flight.
#[derive(Debug)]
pub(super) struct Flight {
    pub id: RawMessageId,
    pub asked: Asked,
    /// This field and the following keep the values from the time of sending.
    pub gateway_disturbed: u32,
    pub seconds: u64,
    pub round: u64,
    pub ended: bool,
    pub acknowledged: bool,
    /// The removals of Carol that were sent, less those that were in flight.
    pub removals: u32,
    pub empty_index_changes: u32,
    /// Whether the index was of release 0.1.0.
    pub index_is_old: bool,
}

pub(super) struct Run<'a> {
    pub world: World,
    pub history: &'a History,
    /// The settings and the registered gateways at the beginning.
    pub roles: Option<Roles>,
    pub capsules: BTreeMap<Owner, String>,
    pub sessions: BTreeMap<u64, Session>,
    /// The newest session of each file.
    pub current: Vec<Option<u64>>,
    /// The begin of each session, in seconds of the history.
    pub begun: BTreeMap<u64, u64>,
    pub flights: Vec<Flight>,
    /// How many removals of Carol were sent.
    pub removals: u32,
    /// The strangers, if there are any.
    pub flood: Option<Flood>,
    /// How the calls of the people went.
    pub tally: Tally,
    /// Whether the store had chunks to copy after the last step.
    pub copying: bool,
    /// The answers that were Ok until then.
    pub ok_before: u64,
}

impl<'a> Run<'a> {
    /// Creates the capsules of Alice and Bob, and makes Carol a controller of Alice's. If the
    /// history says so, they upload to canisters of release 0.1.0.
    pub fn new(world: World, history: &'a History) -> Checked<Self> {
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
        let mut run = Run {
            roles: None,
            world,
            history,
            capsules,
            sessions: BTreeMap::new(),
            current: vec![None; history.files.len()],
            begun: BTreeMap::new(),
            flights: Vec::new(),
            removals: 0,
            flood: None,
            tally: Tally::default(),
            copying: false,
            ok_before: 0,
        };
        if let Some(beginning) = &history.beginning {
            run.upload_before(beginning)?;
            run.world.upgrade_old_gateway()?;
            run.tally = Tally::default();
            run.tally.old = 1;
        }
        run.roles = Some(roles(&run.world)?);
        Ok(run)
    }

    pub fn file(&self, number: usize) -> &'a File {
        &self.history.files[number]
    }

    pub fn known(&mut self, session: u64) -> &mut Session {
        self.sessions
            .get_mut(&session)
            .expect("BUG: a session that nobody began")
    }
}
