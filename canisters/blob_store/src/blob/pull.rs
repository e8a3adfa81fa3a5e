//! Taking in a blob that another store shares, in pieces of whole chunks.

use super::record::BlobState;
use super::slice::{SLICE_CHUNKS, Slice};
use super::store::BlobStore;
use super::write::check_chunk_count;
use candid::Principal;
use capsule_shared::blob_store::{PullProgress, SharedBlob};
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_RANGE_BYTES};
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;

/// The most chunks of a piece. Putting a chunk of 50 bytes takes about 0.26 M instructions
/// (docs/bench.md). So a message of such chunks takes about 270 M of the 40 G that it may.
pub const PULL_CHUNKS: u32 = SLICE_CHUNKS;

/// A pull puts no further chunk above so many instructions, seven times as many as expected. The
/// chunks that are left come again with the next call.
pub const PULL_INSTRUCTIONS: u64 = 2_000_000_000;

const _: () = assert!(
    MAX_CHUNK_BYTES as u64 <= MAX_RANGE_BYTES,
    "a piece must have a chunk of any length"
);

/// Chunks in a row of a shared blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The index of the first chunk.
    pub first: u32,
    pub chunks: u32,
    /// The byte of the blob that the first chunk begins with.
    pub offset: u64,
    /// Bytes of all these chunks.
    pub len: u64,
}

/// `InvalidArgument` unless a blob can have these numbers. Then none of the sums below overflows.
pub fn check_shared(blob: &SharedBlob) -> Result<()> {
    let SharedBlob {
        bytes,
        chunk_count,
        chunk_bytes,
    } = *blob;
    check_chunk_count(chunk_count)?;
    if chunk_bytes == 0 || chunk_bytes as usize > MAX_CHUNK_BYTES {
        return Err(Error::invalid(format!(
            "chunk_bytes is {chunk_bytes}, expected 1 to {MAX_CHUNK_BYTES}"
        )));
    }
    let most = u64::from(chunk_count) * u64::from(chunk_bytes);
    let least = most - u64::from(chunk_bytes) + 1;
    if bytes < least || bytes > most {
        return Err(Error::invalid(format!(
            "bytes is {bytes}, expected {least} to {most} in {chunk_count} chunks of {chunk_bytes}"
        )));
    }
    Ok(())
}

/// The next piece, if `first` is the first chunk that is missing. `None` if there is no such chunk.
pub fn piece_from(blob: &SharedBlob, first: u32) -> Option<Piece> {
    let missing = blob.chunk_count.checked_sub(first).filter(|n| *n > 0)?;
    let chunk_bytes = u64::from(blob.chunk_bytes);
    let fitting = u32::try_from(MAX_RANGE_BYTES / chunk_bytes).unwrap_or(u32::MAX);
    let chunks = missing.min(fitting).min(PULL_CHUNKS);
    let offset = u64::from(first) * chunk_bytes;
    Some(Piece {
        first,
        chunks,
        offset,
        len: (u64::from(chunks) * chunk_bytes).min(blob.bytes - offset),
    })
}

impl<M: Memory> BlobStore<M> {
    /// The piece that a pull of the blob asks its source for; `None` if all chunks are here.
    ///
    /// `InvalidArgument` as [`check_shared`], `NotFound` if the blob doesn't exist, `Unauthorized`
    /// if another gateway owns it. `Conflict` if the blob is sealed with other numbers, or has
    /// more than the shared one. Also `Conflict` if it lies in the map of schema version 1: no room
    /// was made there.
    pub fn next_piece(
        &self,
        caller: Principal,
        key: BlobKey,
        blob: &SharedBlob,
    ) -> Result<Option<Piece>> {
        check_shared(blob)?;
        let record = self.owned(caller, &key)?;
        let is_open = record.state == BlobState::Open;
        if is_open && record.file().is_none() {
            return Err(Error::conflict(
                "the blob lies in the map of schema version 1, expected one that was opened since",
            ));
        }
        if is_open && let Some(piece) = piece_from(blob, record.chunks.contiguous()) {
            return Ok(Some(piece));
        }
        let (chunks, bytes) = (record.chunks.count(), record.bytes);
        match (chunks, bytes) == (blob.chunk_count, blob.bytes) {
            true => Ok(None),
            false => Err(Error::conflict(format!(
                "the blob has {chunks} chunks and {bytes} bytes{}, expected {} and {} as shared",
                if is_open { "" } else { " and is sealed" },
                blob.chunk_count,
                blob.bytes
            ))),
        }
    }

    /// Puts the chunks of a piece that the source answered. The blob may have changed meanwhile, so
    /// everything is checked again. There must be room as for a put.
    ///
    /// Errors are those of [`BlobStore::next_piece`] and [`BlobStore::put`]. The chunks before the
    /// one that a put refuses stay. `Conflict` if the answer has another length. A temporary error
    /// if the blob has fewer chunks than before: it was deleted, and another one has its key.
    pub fn put_piece(
        &mut self,
        caller: Principal,
        key: BlobKey,
        blob: &SharedBlob,
        piece: Piece,
        bytes: &[u8],
        slice: &Slice<'_>,
    ) -> Result<PullProgress> {
        let missing = self.next_piece(caller, key, blob)?;
        if bytes.len() as u64 != piece.len {
            return Err(Error::conflict(format!(
                "the source answered {} bytes from {} on, expected {}",
                bytes.len(),
                piece.offset,
                piece.len
            )));
        }
        let Some(missing) = missing else {
            return Ok(PullProgress::Done);
        };
        if missing.first < piece.first {
            return Err(Error::temporary(format!(
                "chunk {} is missing, expected the chunks before {} as when the source was asked",
                missing.first, piece.first
            )));
        }
        let chunks = bytes.chunks(blob.chunk_bytes as usize);
        for ((index, chunk), done) in (piece.first..).zip(chunks).zip(0..) {
            if !slice.goes_on(done) {
                break;
            }
            self.put(caller, key, index, chunk)?;
        }
        Ok(match self.next_piece(caller, key, blob)? {
            Some(next) => PullProgress::Remaining(blob.bytes - next.offset),
            None => PullProgress::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::limits::MAX_CHUNKS;
    use proptest::prelude::*;

    prop_compose! {
        /// Any blob that a store can have.
        fn shared()(
            chunk_count in 1..=MAX_CHUNKS,
            chunk_bytes in prop_oneof![1..=100u32, 1..=MAX_CHUNK_BYTES as u32],
        )(
            last in 1..=chunk_bytes,
            chunk_count in Just(chunk_count),
            chunk_bytes in Just(chunk_bytes),
        ) -> SharedBlob {
            let before_last = u64::from(chunk_count - 1) * u64::from(chunk_bytes);
            SharedBlob {
                bytes: before_last + u64::from(last),
                chunk_count,
                chunk_bytes,
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_cover_a_blob_once_in_whole_chunks_and_within_bounds(blob in shared()) {
            prop_assert_eq!(check_shared(&blob), Ok(()));
            let (mut chunks, mut bytes) = (0, 0);
            while let Some(piece) = piece_from(&blob, chunks) {
                prop_assert_eq!((piece.first, piece.offset), (chunks, bytes));
                prop_assert!((1..=MAX_RANGE_BYTES).contains(&piece.len));
                prop_assert!((1..=PULL_CHUNKS).contains(&piece.chunks));
                let cut = piece.len.div_ceil(u64::from(blob.chunk_bytes));
                prop_assert_eq!(cut, u64::from(piece.chunks));
                chunks += piece.chunks;
                bytes += piece.len;
                let is_last = chunks == blob.chunk_count;
                prop_assert!(is_last || piece.len % u64::from(blob.chunk_bytes) == 0);
                // No further chunk would have fitted.
                let more = piece.len + u64::from(blob.chunk_bytes);
                prop_assert!(is_last || piece.chunks == PULL_CHUNKS || more > MAX_RANGE_BYTES);
            }
            prop_assert_eq!((chunks, bytes), (blob.chunk_count, blob.bytes));
        }

        /// Whatever a gateway says, the check neither overflows nor lets a piece do so.
        #[test]
        fn any_numbers_are_refused_or_can_be_planned(
            bytes in prop_oneof![0..200u64, any::<u64>()],
            chunk_count in prop_oneof![0..20u32, any::<u32>()],
            chunk_bytes in prop_oneof![0..20u32, any::<u32>()],
            first in prop_oneof![0..20u32, any::<u32>()],
        ) {
            let blob = SharedBlob { bytes, chunk_count, chunk_bytes };
            let (n, size) = (u128::from(chunk_count), u128::from(chunk_bytes));
            let fits = (1..=u128::from(MAX_CHUNKS)).contains(&n)
                && (1..=MAX_CHUNK_BYTES as u128).contains(&size)
                && (n - 1) * size < u128::from(bytes)
                && u128::from(bytes) <= n * size;
            prop_assert_eq!(check_shared(&blob).is_ok(), fits);
            if fits {
                prop_assert_eq!(piece_from(&blob, first).is_some(), first < chunk_count);
            }
        }
    }

    #[test]
    fn numbers_that_no_blob_has_are_refused_with_what_was_expected() {
        for (bytes, chunk_count, chunk_bytes, expected) in [
            (9, 0, 3, "chunk_count is 0, expected 1 to 16384"),
            (9, 16_385, 3, "chunk_count is 16385, expected 1 to 16384"),
            (9, 3, 0, "chunk_bytes is 0, expected 1 to 1800000"),
            (
                9,
                3,
                1_800_001,
                "chunk_bytes is 1800001, expected 1 to 1800000",
            ),
            (6, 3, 3, "bytes is 6, expected 7 to 9 in 3 chunks of 3"),
            (10, 3, 3, "bytes is 10, expected 7 to 9 in 3 chunks of 3"),
            (0, 1, 3, "bytes is 0, expected 1 to 3 in 1 chunks of 3"),
        ] {
            let blob = SharedBlob {
                bytes,
                chunk_count,
                chunk_bytes,
            };
            assert_eq!(check_shared(&blob), Err(Error::invalid(expected)));
        }
    }
}
