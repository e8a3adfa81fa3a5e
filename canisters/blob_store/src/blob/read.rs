//! Reading a blob. Any registered gateway may read any blob.

use super::layout::Layout;
use super::record::BlobState;
use super::store::BlobStore;
use candid::Principal;
use capsule_shared::blob_store::{SharedBlob, StoredBlob};
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

    /// The facts by which another store pulls the blob.
    ///
    /// `NotFound` if the blob doesn't exist, `Unauthorized` if another gateway owns it. `Conflict`
    /// if it isn't sealed, or if it lies in the map with chunks of other lengths than gateways put.
    pub fn shared(&self, caller: Principal, key: BlobKey) -> Result<SharedBlob> {
        let record = self.owned(caller, &key)?;
        if record.state != BlobState::Sealed {
            return Err(Error::conflict(
                "the blob is open, expected a sealed blob; only those can be shared",
            ));
        }
        let chunk_bytes = match record.layout {
            Layout::Map => self.lengths_in_map(&key, &record)?.0 as u32,
            Layout::File(shape) => shape.chunk_len,
        };
        Ok(SharedBlob {
            bytes: record.bytes,
            chunk_count: record.chunks.count(),
            chunk_bytes,
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
