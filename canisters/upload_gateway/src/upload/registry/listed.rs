//! A listed store with what the heap knows of it, and the effect of its answers.

use super::record::Store;
use capsule_shared::stores::{StoreReport, StoreState};
use std::cell::Cell;
use std::rc::Rc;

const SECOND_NS: u64 = 1_000_000_000;
const MINUTE_NS: u64 = 60 * SECOND_NS;

/// The pause between two reports of a store: 10 minutes.
///
/// Source: our choice. A report costs some 25 M cycles, so a store costs 1.3 T a year. Between two
/// reports the gateway counts its own promises, and a refusal tells it how much is too much.
pub const REPORT_NS: u64 = 10 * MINUTE_NS;

/// The pause between the listing of a store, or a start, and the first question: 10 s. A deploy
/// tool may add a store before it registers the gateway there.
pub const FIRST_NS: u64 = 10 * SECOND_NS;

/// The first pause after a question without a usable answer, and after a begin that the store
/// refused. It doubles with each further question, up to the last one.
const RETRY_NS: u64 = MINUTE_NS;
const LAST_RETRY_NS: u64 = 32 * RETRY_NS;

/// The answer to a question for a report.
pub enum Told {
    Report(StoreReport),
    /// The store is of release 0.1.0, which gives no reports.
    NoReports,
    /// There was no usable answer.
    Nothing,
    /// The gateway couldn't ask.
    NotAsked,
}

/// Stores are being asked while this lives. Dropping it lets the next turn ask, also when a
/// callback traps.
pub struct Asking(Rc<Cell<bool>>);

impl Asking {
    pub fn begin(asking: &Rc<Cell<bool>>) -> Self {
        asking.set(true);
        Asking(asking.clone())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// A store with what the heap knows of it.
pub struct Listed {
    pub store: Store,
    /// The least room that it refused since the last report.
    pub refused: Option<u64>,
    /// When it is asked for the next report, in nanoseconds since 1970.
    pub ask_at: u64,
    /// Questions in a row without a usable answer.
    pub failures: u32,
    /// Questions so far.
    pub questions: u64,
    /// The question, counted from 1, that the last report answered; 0 for none.
    pub reported: u64,
    /// Whether an upload was being opened there since the last question.
    pub opening: bool,
}

impl Listed {
    pub fn new(store: Store, ask_at: u64) -> Self {
        Listed {
            store,
            refused: None,
            ask_at,
            failures: 0,
            questions: 0,
            reported: 0,
            opening: false,
        }
    }

    /// Whether the gateway wants reports of the store.
    pub fn is_asked(&self) -> bool {
        self.store.state != StoreState::Offline
    }

    pub fn ask_soon(&mut self, now: u64) {
        self.ask_at = self.ask_at.min(now.saturating_add(RETRY_NS));
    }

    pub fn told(&mut self, told: Told, now: u64) {
        let pause = match told {
            Told::Report(report) => {
                self.store.reported(report);
                self.reported = self.questions;
                self.refused = None;
                self.failures = 0;
                REPORT_NS
            }
            Told::NoReports => {
                self.store.silent_since = None;
                self.refused = None;
                self.failures = 0;
                REPORT_NS
            }
            Told::Nothing => {
                self.store.silent_since.get_or_insert(now);
                self.failures = self.failures.saturating_add(1);
                (RETRY_NS << (self.failures - 1).min(10)).min(LAST_RETRY_NS)
            }
            Told::NotAsked => RETRY_NS,
        };
        self.ask_at = now.saturating_add(pause);
    }
}
