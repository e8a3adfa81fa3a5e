//! How many jobs of each kind the queue holds, in stable memory: nobody scans the queue for it.
//!
//! Release 0.1.0 had no counts. Its queue is counted from its front in slices, while jobs come and
//! go. Jobs before [`Counts::counted_to`] are counted, and later ones aren't yet.

use crate::upload::types::JobId;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;

/// The number of kinds of jobs.
pub const KINDS: usize = 10;

/// The kinds that versions 1 and 2 of the record counted.
const KINDS_OF_VERSION_1: usize = 8;
const KINDS_OF_VERSION_2: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Jobs by kind, in the order of the labels in `queue`.
    pub by_kind: [u64; KINDS],
    /// All jobs below this id are counted. `None` when all jobs are.
    pub counted_to: Option<JobId>,
}

impl Counts {
    /// The counts of an empty queue.
    pub const EMPTY: Counts = Counts {
        by_kind: [0; KINDS],
        counted_to: None,
    };

    /// The counts of a queue of which nothing is counted.
    pub const UNKNOWN: Counts = Counts {
        by_kind: [0; KINDS],
        counted_to: Some((0, 0)),
    };

    /// Whether the job of this id is among the counted ones.
    pub fn cover(&self, id: JobId) -> bool {
        self.counted_to.is_none_or(|to| id < to)
    }
}

/// Layout, version 3: the number of each kind, 1 if all jobs are counted and 0 otherwise, the id up
/// to which they are, or zeros. Version 1 lacks the last two kinds, and version 2 the last one, of
/// which there were no jobs.
impl Record for Counts {
    const VERSION: u8 = 3;

    fn write(&self, mut fields: Writer) -> Writer {
        for count in self.by_kind {
            fields = fields.u64(count);
        }
        let (due, number) = self.counted_to.unwrap_or_default();
        let all = self.counted_to.is_none();
        fields.u8(all.into()).u64(due).u64(number)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        let kinds = match version {
            1 => KINDS_OF_VERSION_1,
            2 => KINDS_OF_VERSION_2,
            3 => KINDS,
            other => unknown(other),
        };
        let mut by_kind = [0; KINDS];
        by_kind[..kinds].fill_with(|| fields.u64());
        let all = fields.u8() == 1;
        let to = (fields.u64(), fields.u64());
        Counts {
            by_kind,
            counted_to: (!all).then_some(to),
        }
    }
}

storable!(Counts);
