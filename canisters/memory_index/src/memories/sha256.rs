//! Finding memories by the SHA-256 of their file.
//!
//! Release 0.1.0 kept no set for this; see `older`. Until the memories of a capsule are there,
//! questions about it answer a temporary error.

use crate::ids::MemoryId;
use crate::index::Index;
use candid::Principal;
use capsule_shared::limits::MAX_PAGE;
use capsule_shared::memory_index::MemoryHeader;
use capsule_shared::{Error, Result};
use ic_stable_structures::Memory as StableMemory;

impl<M: StableMemory> Index<M> {
    /// The memories of a capsule whose file has this SHA-256, the newest first: at most
    /// [`MAX_PAGE`]. Memories in the trash don't count.
    ///
    /// Errors are those of `capsule`, and `InvalidArgument` unless the SHA-256 has 32 bytes.
    /// Temporary while memories of the capsule are missing in the set.
    pub fn memory_find_sha256(
        &self,
        who: Principal,
        capsule_id: &str,
        sha256: &[u8],
    ) -> Result<Vec<MemoryHeader>> {
        let sha256: [u8; 32] = sha256.try_into().map_err(|_| {
            Error::invalid(format!(
                "sha256 length is {} bytes, expected 32",
                sha256.len()
            ))
        })?;
        let (capsule, _) = self.capsule(who, capsule_id)?;
        let missing = (capsule.0, 0)..=(capsule.0, self.unplaced());
        if self.by_capsule.keys_range(missing).next().is_some() {
            return Err(Error::temporary(format!(
                "the index is still entering memories of {capsule} by their SHA-256 after an \
                 upgrade, expected all to be there"
            )));
        }
        let range = (capsule.0, sha256, 0)..=(capsule.0, sha256, u64::MAX);
        let newest = self.by_sha256.keys_range(range).rev();
        let header = |(_, _, number): (u64, [u8; 32], u64)| self.header(MemoryId(number));
        Ok(newest.filter_map(header).take(MAX_PAGE as usize).collect())
    }
}
