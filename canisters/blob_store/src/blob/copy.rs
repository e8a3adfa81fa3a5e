//! Copies sealed blobs from the map of schema version 1 to files, in slices, while the store
//! serves.
//!
//! A blob is read from the map until its last chunk is copied; then its record says that it is a
//! file. The record, the runs, the totals and the cursor change in one message, so a trap loses
//! nothing and a restart goes on.

use super::layout::{Layout, Odd, Shape};
use super::record::{BlobRecord, BlobState};
use super::slice::Slice;
use super::store::BlobStore;
use super::successor::successor;
use crate::extents::block::blocks_of;
use crate::migration::{Copying, Migration};
use crate::totals::Totals;
use capsule_shared::BlobKey;
use ic_stable_structures::Memory;

/// Copying uses these of the 40 G instructions of a message; a chunk of 1.8 MB takes about 10 M.
pub const COPY_INSTRUCTIONS: u64 = 1_000_000_000;

/// A message copies so many bytes at most, apart from one chunk. Each dirties the heap and stable
/// memory, and a canister may dirty 75 MiB a round, half of which is left to those who upload.
const COPY_BYTES: u64 = 16 << 20;

/// Blobs that a message looks at.
const COPY_RECORDS: u32 = 1_000;

/// How a slice of copying ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// There is more to copy now.
    More,
    /// The rest can't be copied now: blobs are open, or can't be files.
    Waiting,
    /// There is no map, or nothing of it is in use any more.
    Done,
}

impl<M: Memory> BlobStore<M> {
    /// Whether there may be something to copy now.
    pub fn can_copy(&self) -> bool {
        matches!(
            self.totals().migration,
            Migration::Copying(Copying {
                cursor: Some(_),
                ..
            })
        )
    }

    /// Bytes that the stable memory must grow by until all is copied.
    pub fn bytes_to_grow(&self) -> u64 {
        let left = self.totals().migration.left().bytes;
        left.saturating_sub(self.room_bytes())
    }

    /// Copies a slice. There must be room for [`COPY_BYTES`] and a chunk.
    pub fn copy(&mut self, slice: &Slice<'_>) -> Copied {
        let mut totals = self.totals();
        let Migration::Copying(mut copying) = totals.migration else {
            return Copied::Done;
        };
        let (mut chunks, mut bytes, mut looked_at) = (0, 0, 0);
        while bytes < COPY_BYTES && looked_at < COPY_RECORDS && slice.goes_on(chunks) {
            let Some((key, record)) = self.next_in_pass(&mut copying) else {
                break;
            };
            looked_at += 1;
            if record.layout != Layout::Map || record.state != BlobState::Sealed {
                let chunks = record.layout == Layout::Map && record.chunks.count() > 0;
                copying.in_use |= chunks;
                copying.restart(successor(key.0));
                continue;
            }
            // Room was made for so many bytes.
            let room = COPY_BYTES - bytes;
            match self.copy_chunk(&mut totals, &mut copying, &key, record, room) {
                Ok(copied) => {
                    chunks += 1;
                    bytes += copied;
                }
                Err(Unfit) => self.keep(&mut totals, &mut copying, &key),
            }
        }
        let copied = match copying.cursor {
            Some(_) => Copied::More,
            None if copying.is_over() => Copied::Done,
            None => Copied::Waiting,
        };
        totals.migration = Migration::Copying(copying);
        if copied == Copied::Done {
            // No blob lies in the map any more, so its region can take blocks.
            totals.migration = Migration::Done;
            self.chunks = None;
            self.extents.add_second_region(&mut totals.space);
        }
        self.set_totals(totals);
        copied
    }

    /// The blob that the pass looks at next; `None` at its end.
    fn next_in_pass(&self, copying: &mut Copying) -> Option<(BlobKey, BlobRecord)> {
        let cursor = copying.cursor?;
        let next = self.records.range(cursor..).next();
        let Some((key, record)) = next.map(|entry| (*entry.key(), entry.value())) else {
            copying.end_pass();
            return None;
        };
        if key != cursor {
            // The blob at the cursor was deleted.
            copying.restart(Some(key));
        }
        Some((BlobKey(key), record))
    }

    /// Copies the next chunk of a blob, and returns its length. After the last one it is a file.
    fn copy_chunk(
        &mut self,
        totals: &mut Totals,
        copying: &mut Copying,
        key: &BlobKey,
        mut record: BlobRecord,
        room: u64,
    ) -> Result<u64, Unfit> {
        let index = copying.copied;
        let chunk = self.map().get(key, index).ok_or(Unfit)?;
        if index == 0 {
            copying.chunk_len = chunk.len() as u32;
        }
        let shape = whole_shape(&record, copying.chunk_len)?;
        let range = shape.range(index);
        if chunk.len() as u64 != range.len {
            return Err(Unfit);
        }
        // The whole length is known, so the file gets its blocks in as few runs as there can be.
        let ahead = blocks_of(record.bytes) - blocks_of(range.offset + range.len);
        let ahead = ahead.min(blocks_of(room.saturating_sub(range.len)));
        self.extents
            .write(&mut totals.space, &key.0, range.offset, &chunk, ahead);
        copying.copied += 1;
        if copying.copied == record.chunks.count() {
            copying.left_the_map(record.chunks.count().into(), record.bytes);
            copying.restart(successor(key.0));
            record.layout = Layout::File(shape);
            self.records.insert(key.0, record);
        }
        Ok(range.len)
    }

    /// Leaves a blob in the map for good, and gives back the blocks that it got.
    fn keep(&mut self, totals: &mut Totals, copying: &mut Copying, key: &BlobKey) {
        self.extents.delete(&mut totals.space, &key.0, |_| true);
        copying.in_use = true;
        copying.kept += 1;
        copying.first_kept = copying.first_kept.or(Some(key.0));
        copying.restart(successor(key.0));
    }
}

/// A blob can't be a file: a chunk isn't stored, or has another length than it should.
struct Unfit;

/// The shape of a sealed blob whose first chunk has this length.
fn whole_shape(record: &BlobRecord, chunk_len: u32) -> Result<Shape, Unfit> {
    let last = record.chunks.count().checked_sub(1).ok_or(Unfit)?;
    let before_last = u64::from(last) * u64::from(chunk_len);
    let len = record.bytes.checked_sub(before_last);
    let len = len.and_then(|len| u32::try_from(len).ok());
    let len = len
        .filter(|len| (1..=chunk_len).contains(len))
        .ok_or(Unfit)?;
    Ok(Shape {
        chunk_len,
        apart: None,
        short: (len < chunk_len).then_some(Odd { index: last, len }),
    })
}
