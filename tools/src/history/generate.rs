//! Generates the plan of a history at random. A plan that fails is shrunk.

use super::beginning::{beginning, film, upgrade_of_the_store};
use super::plan::{Fault, File, History, METHODS, OtherIndex, Outage, Owner, Place, Step};
use super::wrong_settings::WRONG_SETTINGS;
use crate::deployment::Part;
use proptest::prelude::*;

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
