//! A simulation of many uploads into many stores: do they fill alike, and is every file taken for
//! which there is room?
//!
//! The gateway's part is the real one: the search for a store, and the arithmetic of reports and
//! promises. The stores are numbers. Time is counted in begins.

use crate::upload::placement::{Offer, Search, mixed, room_for};
use crate::upload::registry::record::Store;
use candid::Principal;
use capsule_shared::blob_store::STORE_SCHEMA;
use capsule_shared::stores::StoreReport;
use std::collections::BTreeMap;

/// Each store reports once in so many begins: 230 begins in 10 minutes are a million in a month.
const REPORT_EVERY: u64 = 230;

/// After a file that found no room, all stores report within so many begins: a minute.
const HURRY: u64 = 23;

/// An upload ends so many begins after its own.
const UPLOAD_TAKES: u64 = 50;

/// One upload in so many is never finished, and expires a day later.
const UNFINISHED: u64 = 20;
const EXPIRES_AFTER: u64 = 33_000;

/// Bytes of the smallest and of the largest file.
const SMALLEST: f64 = 10e3;
const LARGEST: f64 = 5e9;

/// The spread of the sizes, as the standard deviation of their logarithms: the range from the
/// smallest to the largest file is six of them.
const SIGMA: f64 = 2.19;

/// One run of the simulation.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Stores at the beginning, and at the end. They are added while the first third of the files
    /// comes.
    pub first_stores: u64,
    pub stores: u64,
    pub files: u64,
    /// Bytes of the file in the middle, when all are ordered by size.
    pub median_bytes: f64,
    /// Bytes that each store may hold.
    pub capacity_bytes: u64,
    pub seed: u64,
}

impl Plan {
    /// A million files in 50 stores. They end 71 % full, with a spread of 1.1 %.
    pub const MILLION: Plan = Plan {
        first_stores: 30,
        stores: 50,
        files: 1_000_000,
        median_bytes: 1.7e6,
        capacity_bytes: 450 << 30,
        seed: 1,
    };
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The part of each store that is used or promised, in the order in which they were added.
    pub fills: Vec<f64>,
    /// Files that no store took.
    pub refused: u64,
    /// Those of them for which a store had room that it hadn't reported yet.
    pub refused_with_room: u64,
    /// The least fill of all stores together when such a file was refused; 1 if none was.
    pub refused_at: f64,
    /// Times that a store held more than its capacity.
    pub over_capacity: u64,
    /// Calls to open a blob.
    pub calls: u64,
}

impl Outcome {
    /// The difference between the fullest and the emptiest store.
    pub fn spread(&self) -> f64 {
        let fullest = self.fills.iter().copied().fold(0.0, f64::max);
        let emptiest = self.fills.iter().copied().fold(1.0, f64::min);
        fullest - emptiest
    }
}

/// A store, and what the gateway believes of it.
struct Simulated {
    id: Principal,
    capacity: u64,
    used: u64,
    promised: u64,
    known: Store,
    /// The least room that it refused since its last report.
    refused: Option<u64>,
}

impl Simulated {
    fn new(number: u64, capacity: u64) -> Self {
        let mut store = Simulated {
            id: Principal::from_slice(&(number + 1).to_be_bytes()),
            capacity,
            used: 0,
            promised: 0,
            known: Store::new(number as u32),
            refused: None,
        };
        store.report();
        store
    }

    fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.used + self.promised)
    }

    fn offer(&self) -> Offer {
        Offer {
            store: self.id,
            free: self.known.free(),
            refused: self.refused,
            silent: false,
        }
    }

    fn report(&mut self) {
        self.refused = None;
        self.known.asked();
        self.known.reported(StoreReport {
            at: 0,
            schema: STORE_SCHEMA,
            blobs: 0,
            used_bytes: self.used,
            promised_bytes: self.promised,
            free_bytes: self.free(),
            capacity_bytes: self.capacity,
            cycles: 0,
            reserve: None,
        });
    }

    /// The store's answer to a begin.
    fn open(&mut self, bytes: u64) -> bool {
        let room = room_for(bytes);
        let fits = self.free() >= room;
        match fits {
            true => {
                self.promised += bytes;
                self.known.promise(bytes);
            }
            false => self.refused = Some(self.refused.map_or(room, |least| least.min(room))),
        }
        fits
    }
}

/// An upload that ends later.
struct Open {
    store: usize,
    bytes: u64,
    finishes: bool,
}

/// Runs a simulation. The same plan gives the same outcome.
pub fn simulate(plan: Plan) -> Outcome {
    let mut random = Random(plan.seed);
    let mut stores: Vec<Simulated> = Vec::new();
    let mut open: BTreeMap<u64, Vec<Open>> = BTreeMap::new();
    let mut hurry = None;
    let mut outcome = Outcome {
        fills: Vec::new(),
        refused: 0,
        refused_with_room: 0,
        refused_at: 1.0,
        over_capacity: 0,
        calls: 0,
    };
    for begin in 1..=plan.files {
        let third = plan.files.div_ceil(3);
        let added = (plan.stores - plan.first_stores) * begin.min(third) / third;
        while (stores.len() as u64) < plan.first_stores + added {
            stores.push(Simulated::new(stores.len() as u64, plan.capacity_bytes));
        }
        for ended in open.remove(&begin).into_iter().flatten() {
            let store = &mut stores[ended.store];
            store.promised -= ended.bytes;
            store.used += if ended.finishes { ended.bytes } else { 0 };
        }
        let all = hurry.take_if(|due| *due <= begin).is_some();
        for (number, store) in stores.iter_mut().enumerate() {
            if all || begin % REPORT_EVERY == number as u64 % REPORT_EVERY {
                store.report();
            }
            outcome.over_capacity += u64::from(store.used + store.promised > store.capacity);
        }
        let bytes = random.size(plan.median_bytes);
        match place(&mut stores, begin, bytes, &mut outcome.calls) {
            Some(store) => {
                let finishes = !random.next().is_multiple_of(UNFINISHED);
                let takes = if finishes {
                    UPLOAD_TAKES
                } else {
                    EXPIRES_AFTER
                };
                open.entry(begin + takes).or_default().push(Open {
                    store,
                    bytes,
                    finishes,
                });
            }
            None => {
                let room = stores.iter().any(|store| store.free() >= room_for(bytes));
                outcome.refused += 1;
                if room {
                    outcome.refused_with_room += 1;
                    outcome.refused_at = outcome.refused_at.min(mean(&fills(&stores)));
                }
                hurry.get_or_insert(begin + HURRY);
            }
        }
    }
    outcome.fills = fills(&stores);
    outcome
}

fn fills(stores: &[Simulated]) -> Vec<f64> {
    let fill = |store: &Simulated| (store.used + store.promised) as f64 / store.capacity as f64;
    stores.iter().map(fill).collect()
}

fn mean(fills: &[f64]) -> f64 {
    fills.iter().sum::<f64>() / fills.len() as f64
}

/// Has the stores open a blob in turn, as a begin does. Returns the place of the one that did.
fn place(stores: &mut [Simulated], session: u64, bytes: u64, calls: &mut u64) -> Option<usize> {
    let room = room_for(bytes);
    let mut search = Search::default();
    loop {
        let offers: Vec<Offer> = stores.iter().map(Simulated::offer).collect();
        let found = search.next(session, &offers, room).ok()?;
        let place = stores.iter().position(|store| store.id == found);
        let place = place.expect("BUG: the search knows no other stores");
        *calls += 1;
        if stores[place].open(bytes) {
            return Some(place);
        }
    }
}

/// SplitMix64, a small generator of numbers that look random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number between 0 and 1, never 0.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// The bytes of a file. Their logarithms have a normal distribution, by Box and Muller.
    fn size(&mut self, median: f64) -> u64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        (median * (SIGMA * normal).exp()).clamp(SMALLEST, LARGEST) as u64
    }
}
