//! A store of schema version 1, as release 0.1.0 left it.

use super::{gateway, key};
use crate::blob::layout::Layout;
use crate::blob::record::{BlobRecord, BlobState};
use crate::migration::Migration;
use crate::regions::Regions;
use crate::totals::Totals;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};

/// A blob of `gateway(1)`, and what the map has of it.
#[derive(Debug)]
pub struct OldBlob {
    pub n: u8,
    pub state: BlobState,
    pub chunks: Vec<(u32, Vec<u8>)>,
}

/// A blob that is complete.
pub fn sealed(n: u8, chunks: &[&[u8]]) -> OldBlob {
    let chunks = chunks.iter().map(|bytes| bytes.to_vec());
    OldBlob {
        n,
        state: BlobState::Sealed,
        chunks: (0..).zip(chunks).collect(),
    }
}

/// A blob that still takes chunks, with one of them.
pub fn open_blob(n: u8, index: u32, bytes: &[u8]) -> OldBlob {
    OldBlob {
        n,
        state: BlobState::Open,
        chunks: vec![(index, bytes.to_vec())],
    }
}

/// Lays out an empty memory with these blobs, in buckets of so many pages.
pub fn lay_out<M: Memory + Clone>(memory: &M, pages: u16, blobs: &[OldBlob]) {
    drop(Regions::in_buckets(memory.clone(), pages));
    let manager = MemoryManager::init_with_bucket_size(memory.clone(), pages);
    let region = |number| manager.get(MemoryId::new(number));
    let mut map = StableBTreeMap::<([u8; 32], u32), Vec<u8>, _>::new(region(0));
    let mut records = StableBTreeMap::<[u8; 32], BlobRecord, _>::init(region(1));
    let mut blob_ids = StableBTreeMap::<u64, [u8; 32], _>::init(region(2));
    let mut totals = Totals::default();
    for OldBlob { n, state, chunks } in blobs {
        let key = key(*n);
        let mut record = BlobRecord::new(gateway(1));
        record.layout = Layout::Map;
        record.state = *state;
        for (index, bytes) in chunks {
            map.insert((key.0, *index), bytes.clone());
            record.chunks.insert(*index);
            record.bytes += bytes.len() as u64;
        }
        totals.blobs += 1;
        totals.chunks += chunks.len() as u64;
        totals.bytes += record.bytes;
        records.insert(key.0, record);
        blob_ids.insert(key.blob_id().0, key.0);
    }
    totals.migration = Migration::from_0_1_0(totals.chunks, totals.bytes);
    StableCell::new(region(3), totals);
}
