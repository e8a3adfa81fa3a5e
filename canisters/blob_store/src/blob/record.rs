//! The record of a blob: everything but its bytes, so that sealing and metadata never read a chunk.
//!
//! Layout of version 2. Integers are little-endian:
//!
//! ```text
//! u8   version, 2
//! u8   state: 0 open, 1 sealed, 2 deleting
//! u8   length of the gateway's principal, then its bytes
//! u64  bytes of all stored chunks
//! u32  chunks that are hashed: all indexes below this number
//! u64  bytes that are hashed
//! u8   length of the SHA-256 midstate after them (0 when none are), then the midstate; see
//!      `canister_common::midstate`
//! ...  the stored chunks; see `chunk_set`
//! ```
//!
//! Version 1, of release 0.1.0, has the midstate as crate sha2 0.11 writes it. Bytes that are no
//! midstate end nothing: the blob is hashed again from its first chunk.

use super::chunk_set::ChunkSet;
use candid::Principal;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::midstate::Midstate;
use canister_common::storable;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// Takes chunks.
    Open,
    /// Complete: takes no new chunk.
    Sealed,
    /// Its chunks are being deleted, and callers no longer see it.
    Deleting,
}

/// How far the blob is hashed: all chunks below `chunks`. They never change, so the midstate stays
/// valid when more chunks are put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashed {
    pub chunks: u32,
    pub bytes: u64,
    pub midstate: Midstate,
}

impl Hashed {
    fn write(&self, fields: Writer) -> Writer {
        let midstate = match self.chunks {
            0 => Vec::new(),
            _ => self.midstate.to_bytes(),
        };
        fields.u32(self.chunks).u64(self.bytes).short(&midstate)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        let (chunks, bytes) = (fields.u32(), fields.u64());
        let stored = fields.short();
        let midstate = match version {
            1 => Midstate::from_bytes_of_0_1_0(stored),
            _ => Midstate::from_bytes(stored),
        };
        let whole = midstate.filter(|midstate| midstate.bytes() == bytes);
        let hashed = whole.map(|midstate| Hashed {
            chunks,
            bytes,
            midstate,
        });
        hashed.unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    /// The gateway that opened the blob, the only one that may change it.
    pub gateway: Principal,
    pub state: BlobState,
    /// Bytes of all stored chunks.
    pub bytes: u64,
    pub chunks: ChunkSet,
    pub hashed: Hashed,
}

impl BlobRecord {
    pub fn new(gateway: Principal) -> Self {
        Self {
            gateway,
            state: BlobState::Open,
            bytes: 0,
            chunks: ChunkSet::default(),
            hashed: Hashed::default(),
        }
    }
}

impl Record for BlobRecord {
    const VERSION: u8 = 2;

    fn write(&self, fields: Writer) -> Writer {
        let state = match self.state {
            BlobState::Open => 0,
            BlobState::Sealed => 1,
            BlobState::Deleting => 2,
        };
        let fields = fields
            .u8(state)
            .short(self.gateway.as_slice())
            .u64(self.bytes);
        self.chunks.write(self.hashed.write(fields))
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        match version {
            1 | 2 => Self {
                state: match fields.u8() {
                    0 => BlobState::Open,
                    1 => BlobState::Sealed,
                    2 => BlobState::Deleting,
                    other => panic!("BUG: a blob has the unknown state {other}"),
                },
                gateway: Principal::from_slice(fields.short()),
                bytes: fields.u64(),
                hashed: Hashed::read(version, fields),
                chunks: ChunkSet::read(fields),
            },
            other => unknown(other),
        }
    }
}

storable!(BlobRecord);

#[cfg(test)]
mod tests {
    use super::*;
    use canister_common::codec::{decode, encode};

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let mut record = BlobRecord::new(Principal::from_slice(&[1; 10]));
        assert_eq!(decode::<BlobRecord>(&encode(&record)), record);
        for index in (0..200).chain([300, 16_383]) {
            record.chunks.insert(index);
        }
        record.bytes = u64::MAX;
        record.hashed = Hashed {
            chunks: 77,
            bytes: 100,
            midstate: Midstate::default().followed_by(&[3; 100]),
        };
        for state in [BlobState::Open, BlobState::Sealed, BlobState::Deleting] {
            record.state = state;
            assert_eq!(decode::<BlobRecord>(&encode(&record)), record);
        }
    }
}
