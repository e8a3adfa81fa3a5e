//! Finding memories by the SHA-256 of their file.
//!
//! Release 0.1.0 kept no set for this. After an upgrade from it, its memories are entered in
//! slices, the newest first. Until those of a capsule are there, questions about it answer a
//! temporary error.

use crate::counters::Counters;
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
        let missing = (capsule.0, 0)..=(capsule.0, self.unentered());
        if self.by_capsule.keys_range(missing).next().is_some() {
            return Err(Error::temporary(format!(
                "the index is still entering memories of {capsule} by their SHA-256 after an \
                 upgrade, expected all to be there"
            )));
        }
        let range = (capsule.0, sha256, 0)..=(capsule.0, sha256, u64::MAX);
        let newest = self.by_sha256.keys_range(range).rev();
        let header = |(_, _, number): (u64, [u8; 32], u64)| self.header(MemoryId(number));
        Ok(newest.take(MAX_PAGE as usize).map(header).collect())
    }

    /// Memories up to this number may be missing in the set; 0 when all are there.
    pub fn unentered(&self) -> u64 {
        let unentered = self.counters.get().unentered;
        unentered.expect("BUG: the start of the canister set it")
    }

    /// Enters memories of release 0.1.0 while `goes_on` holds, at least one. Stops while the index
    /// is so full that it commits nothing: the last room is for restored memories.
    ///
    /// Before: all memories above [`Index::unentered`] are in the set, apart from those in the
    /// trash. After: the same, with a lower number.
    pub fn enter_older(&mut self, goes_on: impl Fn() -> bool) {
        let mut unentered = self.unentered();
        if unentered == 0 || !self.capacity.has_room_to_commit() {
            return;
        }
        while unentered > 0 {
            let Some(entry) = self.memories.range(..=unentered).next_back() else {
                unentered = 0;
                break;
            };
            let (number, memory) = entry.into_pair();
            if memory.trash.is_none() {
                self.enter_sha256(MemoryId(number), &memory);
            }
            unentered = number - 1;
            if !goes_on() {
                break;
            }
        }
        let counters = *self.counters.get();
        self.counters.set(Counters {
            unentered: Some(unentered),
            ..counters
        });
    }
}
