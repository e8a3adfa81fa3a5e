//! When the index is asked for purges that have no job.

use super::registry::Asking;
use candid::Principal;
use capsule_shared::operators::DueCursor;
use std::cell::Cell;
use std::rc::Rc;

const SECOND_NS: u64 = 1_000_000_000;

/// The pause between two questions: an hour.
///
/// Source: our choice. A question costs some 10 M cycles, so 0.1 T a year.
pub const EVERY_NS: u64 = 3_600 * SECOND_NS;

/// The first question comes so long after a start.
const FIRST_NS: u64 = 60 * SECOND_NS;

/// The pause before the next page: the jobs of the last one run meanwhile.
const NEXT_PAGE_NS: u64 = 10 * SECOND_NS;

/// An index, and where a page of it ended.
type Page = (Principal, DueCursor);

/// When the index is asked, and for which page. The heap holds it: a start asks anew.
pub struct PurgeQuestions {
    /// Nanoseconds since 1970.
    at: u64,
    /// The last page had others behind it: the index, and where that page ended.
    after: Option<Page>,
    asking: Rc<Cell<bool>>,
}

impl PurgeQuestions {
    pub fn new(now: u64) -> Self {
        PurgeQuestions {
            at: now.saturating_add(FIRST_NS),
            after: None,
            asking: Rc::default(),
        }
    }

    /// When the index is to be asked, in nanoseconds since 1970. `None` while it is.
    pub fn next(&self) -> Option<u64> {
        (!self.asking.get()).then_some(self.at)
    }

    /// Begins a question if its time has come. It counts as asked; if the answer is cut off, the
    /// next one is asked at its time.
    pub fn begin(&mut self, now: u64) -> Option<(Asking, Option<Page>)> {
        self.next().filter(|at| *at <= now)?;
        self.at = now.saturating_add(EVERY_NS);
        Some((Asking::begin(&self.asking), self.after.take()))
    }

    /// Another page follows.
    pub fn goes_on(&mut self, after: Option<Page>, now: u64) {
        if after.is_some() {
            self.at = now.saturating_add(NEXT_PAGE_NS);
        }
        self.after = after;
    }
}
