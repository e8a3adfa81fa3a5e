//! What is kept of each blob beside its chunks, so that sealing and metadata never read a chunk.
//!
//! Layout, version 1 (integers little-endian); other versions are read by their number:
//!
//! ```text
//! u8   layout version, 1
//! u8   state: 0 open, 1 sealed, 2 deleting
//! u8   length of the gateway's principal, then its bytes
//! u64  bytes of all chunks that are stored
//! u32  chunks that are hashed: the indexes below this number
//! u64  bytes that are hashed
//! u8   length of the SHA-256 midstate after them (0 when none are), then the midstate as crate sha2 0.11 writes it
//! ...  which chunks are stored; see `chunk_set`
//! ```

use crate::chunk_set::ChunkSet;
use candid::Principal;
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use std::borrow::Cow;

const LAYOUT_VERSION: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// Takes chunks.
    Open,
    /// Complete: takes no new chunk.
    Sealed,
    /// Its chunks are being deleted; nobody sees it any more.
    Deleting,
}

/// How far the blob is hashed: all chunks below `chunks`. They never change, so the midstate stays true whatever is
/// put later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashed {
    pub chunks: u32,
    pub bytes: u64,
    /// The serialized state of the hasher; empty before the first chunk.
    pub midstate: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    pub gateway: Principal,
    pub state: BlobState,
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

    fn encode(&self) -> Vec<u8> {
        let short = |bytes: &[u8]| u8::try_from(bytes.len()).expect("BUG: a field above 255 bytes");
        let gateway = self.gateway.as_slice();
        let mut out = vec![
            LAYOUT_VERSION,
            match self.state {
                BlobState::Open => 0,
                BlobState::Sealed => 1,
                BlobState::Deleting => 2,
            },
            short(gateway),
        ];
        out.extend_from_slice(gateway);
        out.extend_from_slice(&self.bytes.to_le_bytes());
        out.extend_from_slice(&self.hashed.chunks.to_le_bytes());
        out.extend_from_slice(&self.hashed.bytes.to_le_bytes());
        out.push(short(&self.hashed.midstate));
        out.extend_from_slice(&self.hashed.midstate);
        self.chunks.write(&mut out);
        out
    }

    fn decode(bytes: &[u8]) -> Self {
        let mut fields = Fields(bytes);
        let version = fields.u8();
        assert_eq!(version, LAYOUT_VERSION, "BUG: a record of unknown layout");
        let state = match fields.u8() {
            0 => BlobState::Open,
            1 => BlobState::Sealed,
            2 => BlobState::Deleting,
            other => panic!("BUG: unknown blob state {other}"),
        };
        let len = fields.u8();
        let gateway = Principal::from_slice(fields.take(len as usize));
        let bytes = fields.u64();
        let hashed_chunks = fields.u32();
        let hashed_bytes = fields.u64();
        let len = fields.u8();
        let midstate = fields.take(len as usize).to_vec();
        let full = fields.u32();
        let rest = fields.u32();
        let chunks = ChunkSet::from_words(full, (0..rest).map(|_| fields.u64()));
        assert!(fields.0.is_empty(), "BUG: a record longer than its layout");
        Self {
            gateway,
            state,
            bytes,
            chunks,
            hashed: Hashed {
                chunks: hashed_chunks,
                bytes: hashed_bytes,
                midstate,
            },
        }
    }
}

impl Storable for BlobRecord {
    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.encode())
    }

    fn into_bytes(self) -> Vec<u8> {
        self.encode()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        Self::decode(&bytes)
    }

    const BOUND: Bound = Bound::Unbounded;
}

/// The rest of a record that is being read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (field, rest) = self
            .0
            .split_at_checked(len)
            .expect("BUG: a record shorter than its layout");
        self.0 = rest;
        field
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("BUG: take(N) has N bytes")
    }

    fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let mut record = BlobRecord::new(Principal::from_slice(&[1; 10]));
        assert_eq!(BlobRecord::decode(&record.encode()), record);
        for index in (0..200).chain([300, 16_383]) {
            record.chunks.insert(index);
        }
        record.bytes = u64::MAX;
        record.hashed = Hashed {
            chunks: 77,
            bytes: 1 << 40,
            midstate: vec![3; 105],
        };
        for state in [BlobState::Open, BlobState::Sealed, BlobState::Deleting] {
            record.state = state;
            assert_eq!(BlobRecord::decode(&record.encode()), record);
        }
    }

    #[test]
    fn the_layout_is_frozen() {
        let mut record = BlobRecord::new(Principal::from_slice(&[9, 8]));
        record.state = BlobState::Sealed;
        record.bytes = 5;
        record.chunks.insert(0);
        record.hashed = Hashed {
            chunks: 1,
            bytes: 5,
            midstate: vec![7],
        };
        let mut expected = vec![1, 1, 2, 9, 8];
        expected.extend(5u64.to_le_bytes());
        expected.extend(1u32.to_le_bytes());
        expected.extend(5u64.to_le_bytes());
        expected.extend([1, 7]);
        expected.extend(0u32.to_le_bytes());
        expected.extend(1u32.to_le_bytes());
        expected.extend(1u64.to_le_bytes());
        assert_eq!(record.encode(), expected);
    }
}
