//! The plan of a history: generated at random, shrunk and printed when it fails.

use super::beginning::{Beginning, beginning, film, upgrade_of_the_store};
use super::wrong_settings::{WRONG_SETTINGS, WrongSetting};
use crate::deployment::Part;
use proptest::prelude::*;

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
    /// The gateway's list of stores is empty.
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
pub const METHODS: [&str; 15] = [
    "capsule_usage",
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

#[derive(Clone, Debug)]
pub struct History {
    /// `None` for fresh canisters.
    pub beginning: Option<Beginning>,
    pub files: Vec<File>,
    /// A deleted memory stays in the trash so long, in seconds.
    pub trash_seconds: u64,
    pub steps: Vec<Step>,
}

const FILES: usize = 4;

/// The usual time in the trash: less than the day after which nothing may be left.
const TRASH_SECONDS: u64 = 6 * 3_600;

/// The least that the gateway allows: memories are purged while the history goes on.
const SHORT_TRASH_SECONDS: u64 = 3_600;

fn file() -> impl Strategy<Value = File> {
    let owner = prop_oneof![
        3 => Just(Owner::Alice),
        2 => Just(Owner::Bob),
        2 => Just(Owner::Carol),
    ];
    (owner, 1..6u32, 1..40usize, any::<u8>(), any::<bool>()).prop_map(
        |(owner, chunks, len, last, declared)| File {
            owner,
            chunks,
            len,
            last: 1 + last as usize % len,
            declared,
        },
    )
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        1 => Just(Fault::Pass),
        2 => Just(Fault::RejectBefore),
        1 => Just(Fault::TrapBefore),
        3 => Just(Fault::RejectAfter),
        1 => Just(Fault::TrapAfter),
        1 => Just(Fault::Garbage),
        3 => (1..5u8).prop_map(Fault::HoldBefore),
        3 => (1..5u8).prop_map(Fault::HoldAfter),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        3 => Just(Place::Gateway),
        1 => Just(Place::Store),
        1 => Just(Place::Index),
    ]
}

/// An outage, and how many steps it lasts.
fn outage() -> impl Strategy<Value = (Outage, usize)> {
    let peer = || prop_oneof![Just(Place::Store), Just(Place::Index)];
    let any_place = prop_oneof![
        Just(Place::Gateway),
        Just(Place::Store),
        Just(Place::Index),
        Just(Place::StoreLine),
        Just(Place::IndexLine),
    ];
    let other_index = prop_oneof![3 => Just(OtherIndex::Empty), 1 => Just(OtherIndex::Store)];
    let frozen = prop_oneof![1 => Just(Place::Gateway), 2 => peer()];
    prop_oneof![
        1 => (any_place.prop_map(Outage::Stopped), 1..6usize),
        1 => (frozen.prop_map(Outage::Frozen), 1..6usize),
        1 => (peer().prop_map(Outage::Unregistered), 1..6usize),
        // Long enough for jobs to run meanwhile.
        2 => (other_index.prop_map(Outage::WrongIndex), 1..20usize),
        1 => (Just(Outage::StoreRemoved), 1..10usize),
        1 => (Just(Outage::OldStore), 1..6usize),
    ]
}

fn wrong_module() -> impl Strategy<Value = Step> {
    (0..3usize, 1..3usize, any::<bool>()).prop_map(|(on, away, rudely)| Step::WrongModule {
        on: Part::ALL[on],
        module: Part::ALL[(on + away) % 3],
        rudely,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let file = || 0..FILES;
    prop_oneof![
        26 => file().prop_map(Step::Next),
        3 => file().prop_map(Step::Begin),
        7 => (file(), 0..5u32, prop::bool::weighted(0.25))
            .prop_map(|(file, index, altered)| Step::Put { file, index, altered }),
        4 => (file(), prop::bool::weighted(0.2))
            .prop_map(|(file, wrong)| Step::Finish { file, wrong }),
        2 => file().prop_map(Step::Abort),
        4 => file().prop_map(Step::Delete),
        2 => file().prop_map(Step::Restore),
        3 => file().prop_map(Step::Purge),
        1 => file().prop_map(Step::Stranger),
        1 => any::<bool>().prop_map(Step::Grant),
        18 => Just(Step::Round),
        5 => (1..120u64).prop_map(Step::Pass),
        2 => (600..4_000u64).prop_map(Step::Pass),
        1 => (1..26u64).prop_map(|hours| Step::Pass(hours * 3_600)),
        10 => (prop::sample::select(&METHODS[..]), fault())
            .prop_map(|(method, fault)| Step::Fault(method, fault)),
        5 => outage().prop_map(|(outage, steps)| Step::Outage(outage, steps)),
        2 => place().prop_map(Step::Upgrade),
        2 => place().prop_map(Step::Rudely),
        1 => prop::sample::select(&WRONG_SETTINGS[..]).prop_map(Step::Misconfigure),
        1 => wrong_module(),
        1 => Just(Step::OldGateway),
    ]
}

/// Histories of 10 to 59 steps. A third of them begin with release 0.1.0, and have some more steps
/// around the upgrade of the store.
pub fn history() -> impl Strategy<Value = History> {
    (
        prop::option::weighted(
            1.0 / 3.0,
            (beginning(FILES), upgrade_of_the_store(FILES), 0..10usize),
        ),
        prop::collection::vec(file(), FILES),
        prop_oneof![2 => Just(TRASH_SECONDS), 1 => Just(SHORT_TRASH_SECONDS), 1 => Just(0)],
        prop::collection::vec(step(), 10..60),
    )
        .prop_map(|(old, mut files, trash_seconds, mut steps)| {
            let beginning = old.map(|((beginning, films), upgrade, at)| {
                for (file, _) in files.iter_mut().zip(films).filter(|(_, is_film)| *is_film) {
                    *file = film(file.clone());
                }
                let at = at.min(steps.len());
                steps.splice(at..at, upgrade);
                beginning
            });
            History {
                beginning,
                files,
                trash_seconds,
                steps,
            }
        })
}
