//! Blocks of 4 KiB, and runs of them. A block is the platform's page, the unit in which it counts
//! what a message dirties.

use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;

pub const BLOCK_BYTES: u64 = 4_096;

/// The first block number of the second region. Those below are of the first one, which would have
/// to reach 8 TiB to get here.
pub const SECOND_REGION: u32 = 1 << 31;

/// The number of blocks for so many bytes.
pub fn blocks_of(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(BLOCK_BYTES)).expect("BUG: more than 2^32 blocks")
}

/// A range of bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub offset: u64,
    pub len: u64,
}

impl Range {
    /// The first and the last block of the file that have a byte of the range. It isn't empty.
    pub fn blocks(self) -> (u32, u32) {
        let last = self.offset + self.len - 1;
        let block = |byte: u64| {
            u32::try_from(byte / BLOCK_BYTES).expect("BUG: a file has more than 2^32 blocks")
        };
        (block(self.offset), block(last))
    }
}

/// Blocks that lie side by side.
///
/// Layout of version 1: u8 version, then the number of the first block and the number of blocks as
/// u32, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub first: u32,
    pub blocks: u32,
}

impl Run {
    /// The block behind the last one.
    pub fn end(self) -> u32 {
        self.first + self.blocks
    }

    /// The first `blocks` blocks, and the others.
    pub fn split(self, blocks: u32) -> (Run, Run) {
        let front = Run {
            first: self.first,
            blocks,
        };
        let back = Run {
            first: self.first + blocks,
            blocks: self.blocks - blocks,
        };
        (front, back)
    }
}

impl Record for Run {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        fields.u32(self.first).u32(self.blocks)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        match version {
            1 => Self {
                first: fields.u32(),
                blocks: fields.u32(),
            },
            other => unknown(other),
        }
    }
}

storable!(Run, size = 9);
