//! Where the chunks of a blob lie.
//!
//! All chunks of a blob but the last have one length, and the last isn't longer. So chunk `i` of a
//! file begins at byte `i` × length. A store doesn't know which chunk is the last until a later one
//! shows it. So a chunk other than 0 that comes first gets a place of its own, apart.

use super::chunk_set::ChunkSet;
use crate::extents::block::{BLOCK_BYTES, Range, SECOND_REGION};
use canister_common::codec::{Reader, Writer};
use capsule_shared::{Error, Result};

/// Where in a file a chunk lies that is apart. No other chunk reaches it: a file has at most
/// 16,384 chunks of 1,800,000 bytes.
const APART_AT: u64 = SECOND_REGION as u64 * BLOCK_BYTES;

/// A chunk and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd {
    pub index: u32,
    pub len: u32,
}

/// The shape of a blob in schema version 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The length of every chunk but the last, in bytes; 0 while there is no chunk.
    pub chunk_len: u32,
    /// The chunk that lies apart, because it came first.
    pub apart: Option<Odd>,
    /// The chunk that is shorter than the others, which is the last one.
    pub short: Option<Odd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Each chunk is a value of `STABLE_BLOB_STORE`, schema version 1.
    Map,
    /// The chunks are ranges of a file, schema version 2.
    File(Shape),
}

impl Shape {
    /// Takes in a new chunk of `len` bytes beside the `stored` ones.
    ///
    /// `InvalidArgument` for a length that doesn't fit to the stored chunks; then nothing changes.
    pub fn admit(&mut self, stored: &ChunkSet, index: u32, len: u32) -> Result<Range> {
        let Some(last) = stored.last() else {
            self.chunk_len = len;
            if index > 0 {
                self.apart = Some(Odd { index, len });
            }
            return Ok(self.range(index));
        };
        if let Some(first) = self.apart
            && stored.count() == 1
            && index < first.index
            && len > first.len
        {
            // The chunk that came first is the last one.
            self.chunk_len = len;
            self.short = Some(first);
            return Ok(self.range(index));
        }
        let misfit = |expected: String| {
            Err(Error::invalid(format!(
                "chunk {index} has {len} bytes, expected {expected}"
            )))
        };
        let usual = self.chunk_len;
        match self.short {
            Some(short) if index > short.index => misfit(format!(
                "none behind chunk {}, which has {} bytes and is the last one",
                short.index, short.len
            )),
            _ if len == usual => Ok(self.range(index)),
            None if len < usual && index > last => {
                self.short = Some(Odd { index, len });
                Ok(self.range(index))
            }
            _ => misfit(format!("{usual} like the others, or fewer in the last one")),
        }
    }

    /// Where a stored chunk lies.
    pub fn range(&self, index: u32) -> Range {
        let regular = u64::from(index) * u64::from(self.chunk_len);
        let of = |odd: Option<Odd>| odd.filter(|odd| odd.index == index);
        match (of(self.apart), of(self.short)) {
            (Some(apart), _) => Range {
                offset: APART_AT,
                len: apart.len.into(),
            },
            (None, Some(short)) => Range {
                offset: regular,
                len: short.len.into(),
            },
            (None, None) => Range {
                offset: regular,
                len: self.chunk_len.into(),
            },
        }
    }

    /// A byte of the file from `begin` on, below `end`, that one of the stored chunks has.
    pub fn stored_in(&self, stored: &ChunkSet, begin: u64, end: u64) -> Option<u64> {
        let inside = |range: Range| {
            let first = range.offset.max(begin);
            (first < end.min(range.offset + range.len)).then_some(first)
        };
        if let Some(apart) = self.apart
            && stored.contains(apart.index)
            && let Some(byte) = inside(self.range(apart.index))
        {
            return Some(byte);
        }
        let len = u64::from(self.chunk_len);
        // Chunks that may have a byte there, if they are stored and not apart.
        let first = begin.checked_div(len)?;
        let behind = end.div_ceil(len).min(u64::from(stored.last()?) + 1);
        let mut index = u32::try_from(first).ok()?;
        while u64::from(index) < behind {
            let apart = self.apart.is_some_and(|apart| apart.index == index);
            if stored.contains(index) && !apart {
                let byte = inside(self.range(index));
                if byte.is_some() {
                    return byte;
                }
            }
            index += 1;
        }
        None
    }

    /// The pieces of the file that have the blob's bytes from `offset` on, in order. The blob has
    /// all of its `bytes`.
    pub fn pieces(&self, bytes: u64, offset: u64, len: u64) -> Vec<Range> {
        let end = offset + len;
        // The bytes before the chunk that is apart, in it, and behind it.
        let (from, to) = match self.apart {
            Some(apart) => {
                let begin = u64::from(apart.index) * u64::from(self.chunk_len);
                (begin, begin + u64::from(apart.len))
            }
            None => (bytes, bytes),
        };
        let parts = [
            (offset, end.min(from), offset),
            (
                offset.max(from),
                end.min(to),
                APART_AT + offset.saturating_sub(from),
            ),
            (offset.max(to), end, offset.max(to)),
        ];
        let parts = parts.into_iter().filter(|(begin, end, _)| begin < end);
        parts
            .map(|(begin, end, at)| Range {
                offset: at,
                len: end - begin,
            })
            .collect()
    }

    /// The ranges of the file without bytes, once the blob is complete: behind its end, and where
    /// the chunk would be that is apart.
    pub fn unused(&self, count: u32) -> Vec<Range> {
        let last = count - 1;
        let is_apart = |index: u32| self.apart.is_some_and(|apart| apart.index == index);
        let end = match is_apart(last) {
            true => u64::from(last) * u64::from(self.chunk_len),
            false => self.range(last).offset + self.range(last).len,
        };
        let behind = Range {
            offset: end,
            len: APART_AT - end,
        };
        let hole = self.apart.filter(|apart| apart.index < last);
        let hole = hole.map(|apart| Range {
            offset: u64::from(apart.index) * u64::from(self.chunk_len),
            len: apart.len.into(),
        });
        hole.into_iter().chain([behind]).collect()
    }
}

impl Layout {
    /// Appends the layout: u8 kind (0 map, 1 file). A file has its chunk length, then the chunk
    /// apart and the short one: each as u32 index and u32 length, both 0 if there is none.
    pub fn write(&self, fields: Writer) -> Writer {
        let Layout::File(shape) = self else {
            return fields.u8(0);
        };
        let fields = fields.u8(1).u32(shape.chunk_len);
        [shape.apart, shape.short]
            .into_iter()
            .fold(fields, |fields, odd| match odd {
                Some(Odd { index, len }) => fields.u32(index).u32(len),
                None => fields.u32(0).u32(0),
            })
    }

    /// Reads what [`Layout::write`] appended.
    pub fn read(fields: &mut Reader<'_>) -> Self {
        match fields.u8() {
            0 => Layout::Map,
            1 => {
                let chunk_len = fields.u32();
                let mut odd = || {
                    let (index, len) = (fields.u32(), fields.u32());
                    (len > 0).then_some(Odd { index, len })
                };
                let apart = odd();
                let short = odd();
                Layout::File(Shape {
                    chunk_len,
                    apart,
                    short,
                })
            }
            other => panic!("BUG: a blob has the unknown layout {other}"),
        }
    }
}
