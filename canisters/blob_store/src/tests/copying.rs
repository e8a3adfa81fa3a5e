//! Copying from the map of schema version 1: what is copied when, and what stays.

use super::blocks::check_blocks;
use super::old::{OldBlob, lay_out, open_blob, sealed};
use super::{chunks, gateway, key};
use crate::blob::copy::Copied;
use crate::blob::layout::Layout;
use crate::blob::record::{BlobRecord, BlobState};
use crate::blob::store::BlobStore;
use crate::migration::{Left, Migration};
use crate::regions::Regions;
use crate::state::State;
use capsule_shared::Error;
use capsule_shared::blob_store::DeleteProgress;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
use ic_stable_structures::{Memory, StableBTreeMap, VectorMemory};

fn open(memory: &VectorMemory) -> State<VectorMemory> {
    State::over(Regions::in_buckets(memory.clone(), 1))
}

/// A store of schema version 1 with these blobs, in buckets of one page.
pub fn store_of(blobs: &[OldBlob]) -> (VectorMemory, State<VectorMemory>) {
    let memory = VectorMemory::default();
    lay_out(&memory, 1, blobs);
    let state = open(&memory);
    (memory, state)
}

/// Copies until there is nothing to copy now, with a restart after each chunk.
fn copy_all(memory: &VectorMemory, state: &mut State<VectorMemory>) -> Copied {
    loop {
        let copied = state.store.copy(&chunks(1));
        check_blocks(&state.store);
        *state = open(memory);
        if copied != Copied::More {
            return copied;
        }
    }
}

fn read<M: Memory>(store: &BlobStore<M>, n: u8, len: u64) -> Vec<u8> {
    store
        .read_range(key(n), 0, len, Vec::with_capacity)
        .unwrap()
}

/// The first byte of the fence's version in the region of the map.
fn fence(memory: &VectorMemory) -> [u8; 4] {
    let manager = MemoryManager::init(memory.clone());
    let mut bytes = [0; 4];
    manager.get(MemoryId::new(0)).read(0, &mut bytes);
    bytes
}

/// Copies until there is nothing to copy now. Then every sealed blob is a file, or one that was
/// kept, and the map is there as long as chunks of a blob are in it.
pub fn copy_to_rest<M: Memory>(store: &mut BlobStore<M>) {
    while store.copy(&chunks(2)) == Copied::More {}
    let records = store.records.iter().map(|entry| entry.value());
    let in_map: Vec<BlobRecord> = records
        .filter(|record| record.layout == Layout::Map && record.chunks.count() > 0)
        .collect();
    let sealed = in_map
        .iter()
        .filter(|record| record.state == BlobState::Sealed);
    let left = Left {
        chunks: in_map.iter().map(|r| u64::from(r.chunks.count())).sum(),
        bytes: in_map.iter().map(|record| record.bytes).sum(),
    };
    match store.totals().migration {
        Migration::Copying(copying) => {
            assert_eq!(copying.kept as usize, sealed.count());
            assert_eq!(copying.left, left);
            assert_ne!(left, Left::default());
        }
        Migration::Nothing | Migration::Done => assert_eq!(left, Left::default()),
    }
}

#[test]
fn sealed_blobs_become_files_and_the_region_of_the_map_takes_blocks() {
    let blobs = [
        sealed(1, &[&[1; 5_000], &[2; 5_000], &[3; 70]]),
        sealed(2, &[&[4; 9_000]]),
        sealed(3, &[&[5; 30], &[6; 30]]),
    ];
    let (memory, mut state) = store_of(&blobs);
    assert_eq!(copy_all(&memory, &mut state), Copied::Done);
    let totals = state.store.totals();
    assert_eq!(totals.migration, Migration::Done);
    assert!(totals.space.second > 0);
    let [one, two, three] = [(1, 10_070), (2, 9_000), (3, 60)].map(|(n, len)| {
        let bytes = read(&state.store, n, len);
        assert_eq!(bytes.len() as u64, len);
        bytes
    });
    assert!(one[..5_000] == [1; 5_000] && one[5_000..10_000] == [2; 5_000]);
    assert!(one[10_000..] == [3; 70] && two == [4; 9_000]);
    assert!(three[..30] == [5; 30] && three[30..] == [6; 30]);

    // The region of the map holds files now, behind its fence.
    let before = state.store.totals().space;
    let bytes = vec![7; before.second as usize * 4_096];
    state.store.open_blob(gateway(1), key(9), None).unwrap();
    state.store.put(gateway(1), key(9), 0, &bytes).unwrap();
    let after = state.store.totals().space;
    assert_eq!(after.high_water, before.high_water);
    assert_eq!(state.store.read_chunk(key(9), 0), Ok(bytes));
    assert_eq!(fence(&memory), *b"BTR\xff");
    check_blocks(&open(&memory).store);
}

#[test]
fn an_open_blob_stays_in_the_map_until_it_is_sealed() {
    let (memory, mut state) = store_of(&[open_blob(1, 0, &[1; 800]), sealed(2, &[&[9; 10]])]);
    assert_eq!(copy_all(&memory, &mut state), Copied::Waiting);
    let left = Left {
        chunks: 1,
        bytes: 800,
    };
    assert_eq!(state.store.totals().migration.left(), left);
    state.store.put(gateway(1), key(1), 1, &[2; 100]).unwrap();
    state.store.seal(gateway(1), key(1), 2, 900, None).unwrap();
    assert_eq!(copy_all(&memory, &mut state), Copied::Done);
    let bytes = read(&state.store, 1, 900);
    assert!(bytes[..800] == [1; 800] && bytes[800..] == [2; 100]);
}

#[test]
fn a_blob_that_cannot_be_a_file_stays_readable_where_it_is() {
    let odd = sealed(1, &[&[1; 10], &[2; 20], &[3; 5]]);
    let (memory, mut state) = store_of(&[odd, sealed(2, &[&[9; 10]])]);
    // A listed chunk is missing, too.
    let broken = sealed(3, &[&[1; 10], &[1; 10], &[1; 10]]);
    drop(state);
    let other = VectorMemory::default();
    lay_out(&other, 1, &[broken, sealed(2, &[&[9; 10]])]);
    let manager = MemoryManager::init(other.clone());
    let mut map =
        StableBTreeMap::<([u8; 32], u32), Vec<u8>, _>::init(manager.get(MemoryId::new(0)));
    map.remove(&(key(3).0, 1)).unwrap();
    for (memory, kept, chunk, left) in [
        (
            memory,
            1,
            2,
            Left {
                chunks: 3,
                bytes: 35,
            },
        ),
        (
            other,
            3,
            2,
            Left {
                chunks: 3,
                bytes: 30,
            },
        ),
    ] {
        state = open(&memory);
        assert_eq!(copy_all(&memory, &mut state), Copied::Waiting);
        let Migration::Copying(copying) = state.store.totals().migration else {
            panic!("the map is still there")
        };
        assert_eq!((copying.kept, copying.first_kept), (1, Some(key(kept).0)));
        assert_eq!(copying.left, left);
        assert!(state.store.read_chunk(key(kept), chunk).is_ok());
        assert_eq!(read(&state.store, 2, 10), [9; 10]);
        // Its deletion frees the map.
        let deleted = state.store.delete(gateway(1), key(kept), &chunks(1));
        assert_eq!(deleted, Ok(DeleteProgress::Done));
        assert_eq!(copy_all(&memory, &mut state), Copied::Done);
    }
}

/// The copy of a blob goes on where the last slice ended. The next blob begins at its first chunk.
#[test]
fn the_blob_behind_one_that_was_deleted_halfway_is_copied_whole() {
    let first = sealed(1, &[&[1; 5_000][..]; 3]);
    let next = sealed(2, &[&[4; 5_000], &[5; 5_000], &[6; 5_000], &[7; 5_000]]);
    let (memory, mut state) = store_of(&[first, next]);
    assert_eq!(state.store.copy(&chunks(2)), Copied::More);
    let deleted = state.store.delete(gateway(1), key(1), &chunks(9));
    assert_eq!(deleted, Ok(DeleteProgress::Done));
    assert_eq!(copy_all(&memory, &mut state), Copied::Done);
    let bytes = read(&state.store, 2, 20_000);
    for (index, piece) in (4..).zip(bytes.chunks(5_000)) {
        assert!(piece == [index; 5_000], "chunk of {index}");
    }
    check_blocks(&state.store);
}

#[test]
fn a_blob_that_is_deleted_while_it_is_copied_leaves_nothing() {
    let long = sealed(1, &[&[1; 5_000], &[2; 5_000], &[3; 5_000]]);
    let (memory, mut state) = store_of(&[long, sealed(2, &[&[9; 10]])]);
    assert_eq!(state.store.copy(&chunks(2)), Copied::More);
    assert!(state.store.totals().space.allocated() > 0);
    assert_eq!(state.store.read_chunk(key(1), 1), Ok(vec![2; 5_000]));
    let deleted = state.store.delete(gateway(1), key(1), &chunks(9));
    assert_eq!(deleted, Ok(DeleteProgress::Done));
    check_blocks(&state.store);
    assert_eq!(copy_all(&memory, &mut state), Copied::Done);
    assert_eq!(state.store.totals().bytes, 10);
    assert_eq!(state.store.read_chunk(key(1), 1), Err(Error::NotFound));
}

#[test]
fn a_new_store_has_the_fence_and_no_map() {
    let memory = VectorMemory::default();
    let mut state = open(&memory);
    assert_eq!(fence(&memory), *b"BTR\xff");
    assert_eq!(state.store.copy(&chunks(1)), Copied::Done);
    assert_eq!(state.store.totals().migration, Migration::Nothing);
}

/// Sums that are too small don't give the region of the map away.
#[test]
fn a_blob_that_the_sums_forget_stays_in_the_map() {
    let (memory, mut state) = store_of(&[open_blob(1, 0, &[1; 800]), sealed(2, &[&[9; 10]])]);
    state
        .store
        .change_totals(|totals| totals.migration = Migration::from_0_1_0(1, 10));
    assert_eq!(copy_all(&memory, &mut state), Copied::Waiting);
    assert_eq!(state.store.totals().migration.left(), Left::default());
    assert_eq!(state.store.read_chunk(key(1), 0), Ok(vec![1; 800]));
    state.store.seal(gateway(1), key(1), 1, 800, None).unwrap();
    assert_eq!(copy_all(&memory, &mut state), Copied::Done);
    assert_eq!(read(&state.store, 1, 800), [1; 800]);
}
