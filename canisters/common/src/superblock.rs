//! The superblock: says which kind of canister wrote the stable memory, and which layout it has.
//!
//! A canister checks it before it opens anything else. So the wasm of another canister, or one that
//! is too old, is refused at its upgrade and changes nothing.
//!
//! Its region is the number [`Kind::region`] of the memory manager. It begins with these bytes,
//! whose meaning never changes. Later releases may append fields, which earlier ones ignore:
//!
//! ```text
//! 7 bytes  "CAPSULE"
//! u8       kind: 1 upload_gateway, 2 blob_store, 3 memory_index
//! u32      version of the schema, little-endian
//! u32      the lowest schema version whose modules may open it, little-endian
//! ```
//!
//! Release 0.1.0 wrote no superblock. Its memory is known by the size of its buckets and by the
//! regions in use: it laid out all of its regions at the install.

use crate::manager::Manager;
use crate::regions::{BLOB_STORE_SUPERBLOCK, MEMORY_INDEX_SUPERBLOCK, UPLOAD_GATEWAY_SUPERBLOCK};
use ic_stable_structures::Memory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use std::fmt;

const MAGIC: &[u8; 7] = b"CAPSULE";

/// Bytes of the part that never changes.
const BYTES: usize = 16;

/// The version of the schema that release 0.1.0 wrote.
const SCHEMA_0_1_0: u32 = 1;

/// A kind of canister.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    UploadGateway,
    BlobStore,
    MemoryIndex,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::UploadGateway, Kind::BlobStore, Kind::MemoryIndex];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::UploadGateway => "upload_gateway",
            Kind::BlobStore => "blob_store",
            Kind::MemoryIndex => "memory_index",
        }
    }

    /// The region of its superblock.
    pub const fn region(self) -> MemoryId {
        match self {
            Kind::UploadGateway => UPLOAD_GATEWAY_SUPERBLOCK,
            Kind::BlobStore => BLOB_STORE_SUPERBLOCK,
            Kind::MemoryIndex => MEMORY_INDEX_SUPERBLOCK,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Kind::UploadGateway => 1,
            Kind::BlobStore => 2,
            Kind::MemoryIndex => 3,
        }
    }

    /// The pages of a bucket and the number of regions that release 0.1.0 laid out. It used the
    /// regions from 0 on, without a gap.
    const fn release_0_1_0(self) -> (u16, usize) {
        match self {
            Kind::UploadGateway => (32, 14),
            Kind::BlobStore => (256, 5),
            Kind::MemoryIndex => (32, 9),
        }
    }
}

/// A layout: what lies in stable memory, or what a module writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superblock {
    pub kind: Kind,
    /// The version of the schema: 1 or more. It goes up with each layout that the modules of an
    /// earlier version can't read.
    pub schema: u32,
    /// The lowest schema version whose modules may open the memory.
    pub lowest_reader: u32,
}

impl Superblock {
    fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..7].copy_from_slice(MAGIC);
        bytes[7] = self.kind.code();
        bytes[8..12].copy_from_slice(&self.schema.to_le_bytes());
        bytes[12..].copy_from_slice(&self.lowest_reader.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; BYTES]) -> Option<Self> {
        let number = |at: usize| {
            let field = bytes[at..at + 4].try_into();
            u32::from_le_bytes(field.expect("BUG: 4 bytes are 4 bytes"))
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.code() == bytes[7]);
        (bytes.starts_with(MAGIC)).then_some(Superblock {
            kind: kind?,
            schema: number(8),
            lowest_reader: number(12),
        })
    }
}

/// Why a module may not open the stable memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another kind of canister wrote it.
    OtherKind { found: Superblock, module: Kind },
    /// A newer release wrote it.
    TooOld {
        found: Superblock,
        module: Superblock,
    },
    /// None of our canisters wrote it.
    Foreign { module: Kind },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::OtherKind { found, module } => write!(
                f,
                "the stable memory is of {} (schema {}), expected {}, which this module is; \
                 nothing was changed",
                found.kind.name(),
                found.schema,
                module.name()
            ),
            Refusal::TooOld { found, module } => write!(
                f,
                "this module of {} is of schema {}, expected at least {} for the stable memory \
                 of schema {}; nothing was changed",
                module.kind.name(),
                module.schema,
                found.lowest_reader,
                found.schema
            ),
            Refusal::Foreign { module } => write!(
                f,
                "the stable memory is of an unknown canister, expected {}, which this module is; \
                 nothing was changed",
                module.name()
            ),
        }
    }
}

/// Checks that the module that writes `module` may open `memory`, and opens its regions. An empty
/// memory gets buckets of `bucket_pages` pages of 64 KiB.
///
/// After: the superblock is there and says the newest schema that ever opened the memory.
///
/// # Errors
///
/// [`Refusal`] if the module may not open it. Then not a byte is changed.
pub fn open<M: Memory>(
    memory: M,
    module: Superblock,
    bucket_pages: u16,
) -> Result<MemoryManager<M>, Refusal> {
    let kind = module.kind;
    if memory.size() == 0 {
        let manager = MemoryManager::init_with_bucket_size(memory, bucket_pages);
        write(&manager.get(kind.region()), module);
        return Ok(manager);
    }
    let foreign = Refusal::Foreign { module: kind };
    let header = Manager::of(&memory).ok_or(foreign.clone())?;
    let of_release_0_1_0 = of_release_0_1_0(&header, &memory);
    // A memory that has this header is only read when its manager is opened.
    let manager = MemoryManager::init_with_bucket_size(memory, header.bucket_pages);
    let written = Kind::ALL.into_iter().find_map(|kind| {
        let found = read(&manager.get(kind.region()));
        found.filter(|found| found.kind == kind)
    });
    let found = written.or(of_release_0_1_0).ok_or(foreign)?;
    if found.kind != kind {
        return Err(Refusal::OtherKind {
            found,
            module: kind,
        });
    }
    if module.schema < found.lowest_reader {
        return Err(Refusal::TooOld { found, module });
    }
    if written.is_none_or(|found| found.schema < module.schema) {
        write(&manager.get(kind.region()), module);
    }
    Ok(manager)
}

/// The superblock that release 0.1.0 would have written, if this memory is its.
fn of_release_0_1_0(manager: &Manager, memory: &impl Memory) -> Option<Superblock> {
    let in_use = manager.regions_in_use(memory);
    let kind = Kind::ALL.into_iter().find(|kind| {
        let (bucket_pages, regions) = kind.release_0_1_0();
        let all = in_use[..regions].iter().all(|used| *used);
        let others = in_use[regions..].iter().any(|used| *used);
        manager.bucket_pages == bucket_pages && all && !others
    })?;
    Some(Superblock {
        kind,
        schema: SCHEMA_0_1_0,
        lowest_reader: SCHEMA_0_1_0,
    })
}

fn read<M: Memory>(region: &VirtualMemory<M>) -> Option<Superblock> {
    if region.size() == 0 {
        return None;
    }
    let mut bytes = [0; BYTES];
    region.read(0, &mut bytes);
    Superblock::from_bytes(&bytes)
}

fn write<M: Memory>(region: &VirtualMemory<M>, superblock: Superblock) {
    if region.size() == 0 {
        let before = region.grow(1);
        assert_eq!(before, 0, "the stable memory can't grow for the superblock");
    }
    region.write(0, &superblock.to_bytes());
}

#[cfg(test)]
mod tests;
