//! Reading a range of bytes of a sealed blob, across its chunks.

use super::layout::{Layout, Shape};
use super::record::{BlobRecord, BlobState};
use super::store::BlobStore;
use capsule_shared::range::range_len;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;

impl<M: Memory> BlobStore<M> {
    /// Appends up to `length` bytes from `offset` to a buffer, and returns it. `buffer` makes the
    /// buffer when it is known how many bytes come; a reply thus needs no further copy.
    ///
    /// `NotFound` if the blob doesn't exist, `InvalidArgument` for a bad range (see [`range_len`]),
    /// `Conflict` if the blob isn't sealed, or if it lies in the map and its chunks have other
    /// lengths than gateways put.
    pub fn read_range(
        &self,
        key: BlobKey,
        offset: u64,
        length: u64,
        buffer: impl FnOnce(usize) -> Vec<u8>,
    ) -> Result<Vec<u8>> {
        let record = self.visible(&key)?;
        if record.state != BlobState::Sealed {
            return Err(Error::conflict(
                "the blob is open, expected a sealed blob; blob_read_chunk reads its chunks",
            ));
        }
        let len = range_len(record.bytes, offset, length)?;
        let mut out = buffer(len as usize);
        match record.layout {
            Layout::Map => self.append_from_map(&key, &record, offset, len, &mut out)?,
            Layout::File(shape) => {
                self.append_from_file(&key, &shape, record.bytes, offset, len, &mut out);
            }
        }
        Ok(out)
    }

    fn append_from_file(
        &self,
        key: &BlobKey,
        shape: &Shape,
        bytes: u64,
        offset: u64,
        len: u64,
        out: &mut Vec<u8>,
    ) {
        let mut at = out.len();
        out.resize(at + len as usize, 0);
        for piece in shape.pieces(bytes, offset, len) {
            let end = at + piece.len as usize;
            self.extents.read(&key.0, piece.offset, &mut out[at..end]);
            at = end;
        }
    }

    /// The lengths of the first and of the last chunk of a sealed blob in the map. Gateways put
    /// chunks of one length, but for the last, so the first one tells where each begins.
    pub(super) fn lengths_in_map(&self, key: &BlobKey, record: &BlobRecord) -> Result<(u64, u64)> {
        let last = record.chunks.count() - 1;
        let first_len = match last {
            0 => record.bytes,
            _ => self.in_map(key, 0).len() as u64,
        };
        // A blob of chunks with other lengths ends in another chunk, or its last one has another
        // length.
        let before_last = u64::from(last) * first_len;
        let last_len = record
            .bytes
            .checked_sub(before_last)
            .filter(|len| (1..=first_len).contains(len))
            .ok_or_else(|| {
                Error::conflict(format!(
                    "the chunks have {} bytes, expected {last} of {first_len} bytes and a last one",
                    record.bytes
                ))
            })?;
        Ok((first_len, last_len))
    }

    /// A scan reads the chunks of the range, and nothing else.
    fn append_from_map(
        &self,
        key: &BlobKey,
        record: &BlobRecord,
        offset: u64,
        len: u64,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let whole = out.len() + len as usize;
        let end = offset + len;
        let last = record.chunks.count() - 1;
        let (first_len, last_len) = self.lengths_in_map(key, record)?;
        let chunks = (offset / first_len) as u32..=((end - 1) / first_len) as u32;
        for (index, bytes) in self.map().scan(key, chunks) {
            let expected = if index == last { last_len } else { first_len };
            if bytes.len() as u64 != expected {
                return Err(Error::conflict(format!(
                    "chunk {index} has {} bytes, expected {expected}",
                    bytes.len()
                )));
            }
            let begin = u64::from(index) * first_len;
            let from = offset.saturating_sub(begin) as usize;
            let to = (end - begin).min(expected) as usize;
            out.extend_from_slice(&bytes[from..to]);
        }
        match out.len() == whole {
            true => Ok(()),
            false => Err(Error::conflict(
                "a chunk of the range is missing, expected all of them",
            )),
        }
    }
}
