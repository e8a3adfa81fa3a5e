//! Reading a blob. Any registered gateway may read any blob.

use super::layout::Layout;
use super::record::BlobState;
use super::store::BlobStore;
use capsule_shared::blob_store::StoredBlob;
use capsule_shared::{BlobKey, Error, Result};
use ic_stable_structures::Memory;

impl<M: Memory> BlobStore<M> {
    /// The metadata of a blob; it comes from the record alone. `NotFound` if the blob doesn't
    /// exist.
    pub fn meta(&self, key: BlobKey) -> Result<StoredBlob> {
        let record = self.visible(&key)?;
        Ok(StoredBlob {
            gateway: record.gateway,
            owner: Some(self.owners.owner_of(record.gateway)),
            bytes: record.bytes,
            chunk_count: record.chunks.count(),
            sealed: record.state == BlobState::Sealed,
        })
    }

    /// The bytes of a chunk, whether the blob is sealed or not. `NotFound` if it doesn't exist.
    pub fn read_chunk(&self, key: BlobKey, index: u32) -> Result<Vec<u8>> {
        let record = self.visible(&key)?;
        if !record.chunks.contains(index) {
            return Err(Error::NotFound);
        }
        Ok(match record.layout {
            Layout::Map => self.in_map(&key, index),
            Layout::File(shape) => {
                let range = shape.range(index);
                let mut bytes = vec![0; range.len as usize];
                self.extents.read(&key.0, range.offset, &mut bytes);
                bytes
            }
        })
    }
}
