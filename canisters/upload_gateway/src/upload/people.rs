//! The marks of principals: listed as known, blocked, and since when somebody has a finished
//! upload.

use crate::session::standing::Standing;
use candid::Principal;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use std::ops::Bound;

/// A principal is known so long after its first finished upload, in nanoseconds: 7 days.
///
/// Source: our choice; it makes a flood of known identities a matter of weeks.
pub const KNOWN_AFTER_NS: u64 = 7 * 24 * 3_600 * 1_000_000_000;

/// A kind of mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// The operator listed the principal as known.
    Listed,
    /// The operator blocked the principal.
    Blocked,
    /// The principal finished its first upload.
    Uploaded,
}

impl MarkKind {
    fn byte(self) -> u8 {
        match self {
            MarkKind::Listed => 0,
            MarkKind::Blocked => 1,
            MarkKind::Uploaded => 2,
        }
    }
}

/// A mark of one principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Since when, in nanoseconds since 1970.
    pub since: u64,
}

/// Layout, version 1: since.
impl Record for Mark {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields.u64(self.since)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        Mark {
            since: fields.u64(),
        }
    }
}

storable!(Mark);

/// How many principals have each mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeopleCounts {
    pub listed: u64,
    pub blocked: u64,
    pub uploaded: u64,
}

/// Layout, version 1: listed, blocked, uploaded.
impl Record for PeopleCounts {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields.u64(self.listed).u64(self.blocked).u64(self.uploaded)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        PeopleCounts {
            listed: fields.u64(),
            blocked: fields.u64(),
            uploaded: fields.u64(),
        }
    }
}

storable!(PeopleCounts);

/// ```text
/// marks  : (kind, principal) -> Mark
/// counts : how many there are of each kind
/// ```
pub struct People<M: Memory> {
    marks: StableBTreeMap<(u8, Principal), Mark, M>,
    counts: StableCell<PeopleCounts, M>,
    is_new: bool,
}

impl<M: Memory> People<M> {
    pub fn new(marks: M, counts: M) -> Self {
        let is_new = counts.size() == 0;
        People {
            marks: StableBTreeMap::init(marks),
            counts: StableCell::init(counts, PeopleCounts::default()),
            is_new,
        }
    }

    /// Whether the canister has just got these structures: it is fresh, or comes from 0.1.0.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    pub fn counts(&self) -> PeopleCounts {
        *self.counts.get()
    }

    /// Since when the principal has the mark, in nanoseconds since 1970.
    pub fn since(&self, kind: MarkKind, who: Principal) -> Option<u64> {
        let mark = self.marks.get(&(kind.byte(), who));
        mark.map(|mark| mark.since)
    }

    pub fn is_blocked(&self, who: Principal) -> bool {
        self.since(MarkKind::Blocked, who).is_some()
    }

    /// Known are listed principals, and those with a finished upload that is older than 7 days.
    pub fn standing(&self, who: Principal, now: u64) -> Standing {
        let uploaded = || self.since(MarkKind::Uploaded, who);
        let is_old = |since: u64| now.saturating_sub(since) > KNOWN_AFTER_NS;
        let known = self.since(MarkKind::Listed, who).is_some() || uploaded().is_some_and(is_old);
        match known {
            true => Standing::Known,
            false => Standing::New,
        }
    }

    /// The next principals with the mark behind `after`, at most `max`.
    pub fn page(&self, kind: MarkKind, after: Option<Principal>, max: usize) -> Vec<Principal> {
        let start = match after {
            Some(after) => Bound::Excluded((kind.byte(), after)),
            None => Bound::Included((kind.byte(), Principal::management_canister())),
        };
        let keys = self.marks.keys_range((start, Bound::Unbounded));
        let keys = keys.take_while(|(byte, _)| *byte == kind.byte());
        keys.take(max).map(|(_, who)| who).collect()
    }

    /// Marks a principal since a time. An older mark of the kind stays.
    pub fn mark(&mut self, kind: MarkKind, who: Principal, since: u64) {
        let key = (kind.byte(), who);
        let before = self.marks.get(&key);
        if before.is_none() {
            self.count(kind, |count| count + 1);
        }
        if before.is_none_or(|mark| mark.since > since) {
            self.marks.insert(key, Mark { since });
        }
    }

    pub fn unmark(&mut self, kind: MarkKind, who: Principal) {
        if self.marks.remove(&(kind.byte(), who)).is_some() {
            self.count(kind, |count| count - 1);
        }
    }

    fn count(&mut self, kind: MarkKind, change: impl FnOnce(u64) -> u64) {
        let mut counts = self.counts();
        let count = match kind {
            MarkKind::Listed => &mut counts.listed,
            MarkKind::Blocked => &mut counts.blocked,
            MarkKind::Uploaded => &mut counts.uploaded,
        };
        *count = change(*count);
        self.counts.set(counts);
    }
}
