//! The plan of a history, which is printed when it fails.

use super::wrong_settings::WrongSetting;
use crate::deployment::Part;

/// A person who uploads. Carol is a capsule controller of Alice's capsule and uploads into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Alice,
    Bob,
    Carol,
}

impl Owner {
    pub const ALL: [Owner; 3] = [Owner::Alice, Owner::Bob, Owner::Carol];
}

/// A file of `chunks` chunks: each has `len` bytes, the last one has `last`.
#[derive(Clone, Debug)]
pub struct File {
    pub owner: Owner,
    pub chunks: u32,
    pub len: usize,
    pub last: usize,
    /// Whether its size is declared at begin.
    pub declared: bool,
}

/// A canister that can be disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Gateway,
    Store,
    Index,
    /// The chaos canister before the store.
    StoreLine,
    /// The chaos canister before the index.
    IndexLine,
}

impl Place {
    /// The canister of the deployment in this place, or behind it.
    pub fn part(self) -> Part {
        match self {
            Place::Gateway => Part::Gateway,
            Place::Store | Place::StoreLine => Part::BlobStore,
            Place::Index | Place::IndexLine => Part::MemoryIndex,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    Stopped(Place),
    /// The freezing threshold is above the balance.
    Frozen(Place),
    /// The store or the index doesn't know the gateway.
    Unregistered(Place),
    /// The gateway has another index.
    WrongIndex(OtherIndex),
    /// The only store takes no new uploads.
    StoreRemoved,
    /// The store has the module of release 0.1.0 over what a later one wrote.
    OldStore,
}

/// A canister that the operator takes for the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherIndex {
    /// An index that knows the gateway, but no capsule.
    Empty,
    /// The store, which is no index.
    Store,
}

/// The fate of the next call of a method on its way to the peer.
pub use chaos::Fault;

/// The methods that the gateway calls from updates and jobs.
pub const METHODS: [&str; 17] = [
    "capsule_usage",
    "store_status",
    "blob_open",
    "blob_put_chunk",
    "blob_seal",
    "memory_commit",
    "blob_digest",
    "blob_delete",
    "blob_release",
    "memory_find",
    "memory_read",
    "memory_delete",
    "memory_trash",
    "memory_restore",
    "memory_expire",
    "memories_due",
    "capsule_list",
];

#[derive(Clone, Debug)]
pub enum Step {
    /// The next call of a well-behaved client for the file: begin, put or finish.
    Next(usize),
    Begin(usize),
    /// With `altered`, sends other bytes than the file's.
    Put {
        file: usize,
        index: u32,
        altered: bool,
    },
    /// With `wrong`, sends a hash of no file.
    Finish {
        file: usize,
        wrong: bool,
    },
    Abort(usize),
    Delete(usize),
    /// The owner takes the file's memory out of the trash.
    Restore(usize),
    /// The owner deletes it from there for good.
    Purge(usize),
    /// A stranger tries to write to the file's session.
    Stranger(usize),
    /// Alice makes Carol a capsule controller, or removes her.
    Grant(bool),
    /// One round. All calls sent since the last round are in flight together.
    Round,
    /// So many seconds pass, then comes a round.
    Pass(u64),
    Fault(&'static str, Fault),
    /// An outage for so many steps.
    Outage(Outage, usize),
    /// An upgrade as deploy tools do it: stop, install, start.
    Upgrade(Place),
    /// An upgrade without stopping first.
    Rudely(Place),
    /// The operator gives the gateway a setting out of its range.
    Misconfigure(WrongSetting),
    /// An upgrade to the module of another canister; with `rudely`, without stopping first.
    WrongModule {
        on: Part,
        module: Part,
        rudely: bool,
    },
    /// An upgrade of the gateway to release 0.1.0.
    OldGateway,
}

/// The canisters of release 0.1.0, and the uploads in them. The store is one of them in any case.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The gateway is upgraded before the first step: it has faults that later releases mended.
    pub gateway: bool,
    pub index: bool,
    /// For each file, how far its upload is.
    pub uploads: Vec<Progress>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Nothing,
    /// Open, with at least so many chunks.
    Open(u32),
    Committed,
}

#[derive(Clone, Debug)]
pub struct History {
    /// `None` for fresh canisters.
    pub beginning: Option<Beginning>,
    pub files: Vec<File>,
    /// A deleted memory stays in the trash so long, in seconds.
    pub trash_seconds: u64,
    pub steps: Vec<Step>,
}
