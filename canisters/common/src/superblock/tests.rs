//! Which module may open which memory, and the golden bytes of the superblock.

use super::*;
use crate::golden::{assert_hex, fingerprint};
use ic_stable_structures::VectorMemory;

fn module(kind: Kind, schema: u32) -> Superblock {
    Superblock {
        kind,
        schema,
        lowest_reader: 1,
    }
}

fn bucket_pages(kind: Kind) -> u16 {
    kind.release_0_1_0().0
}

fn install(kind: Kind) -> VectorMemory {
    let memory = VectorMemory::default();
    open(memory.clone(), module(kind, 1), bucket_pages(kind)).unwrap();
    memory
}

/// A memory in which these regions are in use.
fn laid_out(bucket_pages: u16, regions: impl IntoIterator<Item = u8>) -> VectorMemory {
    let memory = VectorMemory::default();
    let manager = MemoryManager::init_with_bucket_size(memory.clone(), bucket_pages);
    for number in regions {
        manager.get(MemoryId::new(number)).grow(1);
    }
    memory
}

fn release_0_1_0(kind: Kind) -> VectorMemory {
    let (bucket_pages, regions) = kind.release_0_1_0();
    laid_out(bucket_pages, 0..regions as u8)
}

/// Opens `memory` as this module, which must fail and change nothing.
#[track_caller]
fn refused(memory: &VectorMemory, module: Superblock) -> String {
    let before = fingerprint(memory);
    let opened = open(memory.clone(), module, bucket_pages(module.kind));
    assert_eq!(fingerprint(memory), before, "{module:?} changed the memory");
    match opened {
        Ok(_) => panic!("{module:?} was accepted"),
        Err(refusal) => refusal.to_string(),
    }
}

fn stored(memory: &VectorMemory, kind: Kind) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let region = MemoryManager::init(memory.clone()).get(kind.region());
    region.read(0, &mut bytes);
    bytes
}

#[test]
fn the_superblock_is_pinned() {
    for (kind, golden) in [
        (Kind::UploadGateway, "43415053554c45 01 01000000 01000000"),
        (Kind::BlobStore, "43415053554c45 02 01000000 01000000"),
        (Kind::MemoryIndex, "43415053554c45 03 01000000 01000000"),
    ] {
        assert_hex(&stored(&install(kind), kind), golden);
    }
    let later = Superblock {
        schema: 0x0102_0304,
        lowest_reader: 5,
        ..module(Kind::BlobStore, 1)
    };
    assert_hex(&later.to_bytes(), "43415053554c45 02 04030201 05000000");
    assert_eq!(Superblock::from_bytes(&later.to_bytes()), Some(later));
}

#[test]
fn the_regions_of_superblocks_are_pinned() {
    let regions = Kind::ALL.map(Kind::region);
    assert_eq!(regions, [20, 5, 9].map(MemoryId::new));
}

#[test]
fn each_kind_opens_its_own_memory_only() {
    for own in Kind::ALL {
        for memory in [install(own), release_0_1_0(own)] {
            for other in Kind::ALL.into_iter().filter(|other| *other != own) {
                let text = refused(&memory, module(other, 1));
                assert_eq!(
                    text,
                    format!(
                        "the stable memory is of {} (schema 1), expected {}, which this module \
                         is; nothing was changed",
                        own.name(),
                        other.name()
                    )
                );
            }
            open(memory.clone(), module(own, 1), 1).unwrap();
            assert_eq!(stored(&memory, own), module(own, 1).to_bytes());
        }
    }
}

/// A later opening of the same schema writes nothing.
#[test]
fn an_upgrade_of_the_same_schema_writes_nothing() {
    for kind in Kind::ALL {
        let memory = install(kind);
        let before = fingerprint(&memory);
        open(memory.clone(), module(kind, 1), bucket_pages(kind)).unwrap();
        assert_eq!(fingerprint(&memory), before);
    }
}

#[test]
fn a_module_that_is_too_old_is_refused() {
    let memory = install(Kind::BlobStore);
    let newer = Superblock {
        lowest_reader: 3,
        ..module(Kind::BlobStore, 4)
    };
    open(memory.clone(), newer, 256).unwrap();
    for schema in [1, 2] {
        assert_eq!(
            refused(&memory, module(Kind::BlobStore, schema)),
            format!(
                "this module of blob_store is of schema {schema}, expected at least 3 for the \
                 stable memory of schema 4; nothing was changed"
            )
        );
    }
    // A module that is older but may still read it leaves the newer superblock in its place.
    open(memory.clone(), module(Kind::BlobStore, 3), 256).unwrap();
    assert_eq!(stored(&memory, Kind::BlobStore), newer.to_bytes());
}

/// Fields that a later release appends are no concern of this one.
#[test]
fn fields_behind_the_known_ones_are_left_alone() {
    let memory = install(Kind::MemoryIndex);
    let region = MemoryManager::init(memory.clone()).get(Kind::MemoryIndex.region());
    region.write(BYTES as u64, b"later");
    open(memory.clone(), module(Kind::MemoryIndex, 2), 32).unwrap();
    let mut behind = [0; 5];
    region.read(BYTES as u64, &mut behind);
    assert_eq!(&behind, b"later");
}

#[test]
fn foreign_memories_are_refused() {
    let text = VectorMemory::default();
    text.grow(1);
    text.write(0, b"MGX, and something else");
    let newer_manager = install(Kind::BlobStore);
    newer_manager.write(3, &[2]);
    let zeros = VectorMemory::default();
    zeros.grow(1);
    for memory in [
        text,
        newer_manager,
        zeros,
        // Managers of unknown canisters: nothing in use, too few regions, too many, other buckets.
        laid_out(32, []),
        laid_out(256, 0..4),
        laid_out(32, 0..13),
        laid_out(32, 0..15),
        laid_out(128, 0..9),
    ] {
        for kind in Kind::ALL {
            let text = refused(&memory, module(kind, 1));
            assert!(text.contains("of an unknown canister"), "{text}");
        }
    }
}

/// The region of one kind's superblock holds another structure in the other kinds.
#[test]
fn a_superblock_counts_only_in_its_own_region() {
    let memory = release_0_1_0(Kind::UploadGateway);
    let region = MemoryManager::init(memory.clone()).get(Kind::MemoryIndex.region());
    region.write(0, &module(Kind::UploadGateway, 1).to_bytes());
    let text = refused(&memory, module(Kind::MemoryIndex, 1));
    assert!(text.contains("is of upload_gateway"), "{text}");
}
