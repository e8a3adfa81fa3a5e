//! The first bytes of the memory manager, read without opening it. Opening a memory that has none
//! would lay one out.

use ic_stable_structures::Memory;

/// Bytes of a page of stable memory.
pub const PAGE_BYTES: u64 = 65_536;

/// Magic number and layout version. Then come the number of allocated buckets and the pages of one
/// bucket, each as a little-endian u16.
///
/// Source: the layout at `MemoryManager` in ic-stable-structures 0.7, pinned by tests of `room` and
/// of `superblock`.
const MAGIC: &[u8; 4] = b"MGR\x01";

/// Where the sizes of the regions begin: pages, as u64 each. Source: as [`MAGIC`].
const SIZES_AT: u64 = 40;
const REGIONS: usize = 255;

/// Pages in front of the first bucket. Source: as [`MAGIC`].
const PAGES_BEFORE_BUCKETS: u64 = 1;

/// A memory manager, as its header describes it.
pub struct Manager {
    allocated_buckets: u16,
    pub bucket_pages: u16,
}

impl Manager {
    /// `None` if no memory manager has laid out the memory.
    pub fn of(memory: &impl Memory) -> Option<Self> {
        if memory.size() == 0 {
            return None;
        }
        let mut header = [0; 8];
        memory.read(0, &mut header);
        let [.., a, b, c, d] = header;
        header.starts_with(MAGIC).then_some(Manager {
            allocated_buckets: u16::from_le_bytes([a, b]),
            bucket_pages: u16::from_le_bytes([c, d]),
        })
    }

    /// The pages up to the end of its last bucket.
    pub fn used_pages(&self) -> u64 {
        let buckets = u64::from(self.allocated_buckets);
        PAGES_BEFORE_BUCKETS + buckets * u64::from(self.bucket_pages)
    }

    /// Whether each region of `memory`, which is this manager's, is in use.
    pub fn regions_in_use(&self, memory: &impl Memory) -> Vec<bool> {
        let mut sizes = [0; REGIONS * 8];
        memory.read(SIZES_AT, &mut sizes);
        let in_use = |size: &[u8]| size.iter().any(|byte| *byte != 0);
        sizes.chunks(8).map(in_use).collect()
    }
}
