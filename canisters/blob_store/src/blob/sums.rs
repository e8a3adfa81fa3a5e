//! The totals, counted anew by a check while blobs change.

use super::record::BlobRecord;
use crate::totals::Totals;

/// Sums over the blobs that the check has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub blobs: u64,
    pub chunks: u64,
    pub bytes: u64,
    pub promised_to_known: u64,
    pub promised_to_others: u64,
}

impl Sums {
    pub fn of(totals: &Totals) -> Self {
        Self {
            blobs: totals.blobs,
            chunks: totals.chunks,
            bytes: totals.bytes,
            promised_to_known: totals.promised.known,
            promised_to_others: totals.promised.others,
        }
    }

    pub fn add(&mut self, record: &BlobRecord) {
        self.blobs += 1;
        self.chunks += u64::from(record.chunks.count());
        self.bytes += record.bytes;
        match record.promise.known {
            true => self.promised_to_known += record.promise.bytes,
            false => self.promised_to_others += record.promise.bytes,
        }
    }

    /// A blob that was added changed, and the totals with it.
    pub fn follow(&mut self, before: &Totals, after: &Totals) {
        let (before, after) = (Self::of(before), Self::of(after));
        for ((sum, before), after) in self
            .all_mut()
            .into_iter()
            .zip(before.all())
            .zip(after.all())
        {
            *sum = sum.wrapping_add(after.1).wrapping_sub(before.1);
        }
    }

    /// All sums with their names.
    pub fn all(&self) -> [(&'static str, u64); 5] {
        [
            ("blobs", self.blobs),
            ("chunks", self.chunks),
            ("bytes", self.bytes),
            ("bytes promised to known uploaders", self.promised_to_known),
            ("bytes promised to others", self.promised_to_others),
        ]
    }

    fn all_mut(&mut self) -> [&mut u64; 5] {
        [
            &mut self.blobs,
            &mut self.chunks,
            &mut self.bytes,
            &mut self.promised_to_known,
            &mut self.promised_to_others,
        ]
    }

    /// Puts the sums in the place of the totals.
    pub fn mend(&self, totals: &mut Totals) {
        totals.blobs = self.blobs;
        totals.chunks = self.chunks;
        totals.bytes = self.bytes;
        totals.promised.known = self.promised_to_known;
        totals.promised.others = self.promised_to_others;
    }
}
