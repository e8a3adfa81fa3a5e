//! The record of a blob: everything but its bytes, so that sealing and metadata never read a chunk.
//!
//! Layout of version 3. Integers are little-endian:
//!
//! ```text
//! u8   version, 3
//! u8   state: 0 open, 1 sealed, 2 deleting
//! u8   length of the gateway's principal, then its bytes
//! u64  bytes of all stored chunks
//! u32  chunks that are hashed: all indexes below this number
//! u64  bytes that are hashed
//! u8   length of the SHA-256 midstate after them (0 when none are), then the midstate; see
//!      `canister_common::midstate`
//! ...  the stored chunks; see `chunk_set`
//! ...  where they lie; see `layout`
//! u64  bytes that are promised to the blob and not stored yet
//! u8   whether its uploader is known: 0 or 1
//! u8   length of the SHA-256 that the gateway told or got (0 or 32), then the SHA-256
//! ```
//!
//! Versions 1 and 2 end with the stored chunks, which lie in the map of schema version 1. Version
//! 1, of release 0.1.0, has the midstate as crate sha2 0.11 writes it. Bytes that are no
//! midstate end nothing: the blob is hashed again from its first chunk.

use super::chunk_set::ChunkSet;
use super::layout::{Layout, Shape};
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
    pub fn write(&self, fields: Writer) -> Writer {
        let midstate = match self.chunks {
            0 => Vec::new(),
            _ => self.midstate.to_bytes(),
        };
        fields.u32(self.chunks).u64(self.bytes).short(&midstate)
    }

    /// Reads what a record of this version has.
    pub fn read(version: u8, fields: &mut Reader<'_>) -> Self {
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
    pub layout: Layout,
    pub promise: Promise,
    /// The SHA-256 of the sealed blob, if the gateway told it or got it.
    pub sha256: Option<[u8; 32]>,
}

/// Bytes that the store keeps free for an open blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    pub bytes: u64,
    /// Whether the uploader is known to the gateway. The others share a small part of the store.
    pub known: bool,
}

impl BlobRecord {
    pub fn new(gateway: Principal) -> Self {
        Self {
            gateway,
            state: BlobState::Open,
            bytes: 0,
            chunks: ChunkSet::default(),
            hashed: Hashed::default(),
            layout: Layout::File(Shape::default()),
            promise: Promise::default(),
            sha256: None,
        }
    }

    /// The shape of a file. A blob of schema version 1 becomes one with its first chunk; with
    /// chunks it lies in the map.
    pub fn file(&self) -> Option<Shape> {
        match self.layout {
            Layout::File(shape) => Some(shape),
            Layout::Map if self.chunks.count() == 0 => Some(Shape::default()),
            Layout::Map => None,
        }
    }
}

impl Record for BlobRecord {
    const VERSION: u8 = 3;

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
        let fields = self.chunks.write(self.hashed.write(fields));
        self.layout
            .write(fields)
            .u64(self.promise.bytes)
            .u8(self.promise.known.into())
            .short(self.sha256.as_ref().map_or(&[], |sha256| &sha256[..]))
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if !(1..=3).contains(&version) {
            unknown(version);
        }
        let mut record = Self {
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
            layout: Layout::Map,
            promise: Promise::default(),
            sha256: None,
        };
        if version == 3 {
            record.layout = Layout::read(fields);
            record.promise = Promise {
                bytes: fields.u64(),
                known: fields.u8() == 1,
            };
            record.sha256 = fields.short().try_into().ok();
        }
        record
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
