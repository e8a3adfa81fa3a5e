//! The SHA-256 of sealed blobs.

use super::record::Check;
use crate::blob::layout::Layout;
use crate::blob::record::{BlobRecord, BlobState, Hashed};
use crate::blob::store::BlobStore;
use crate::blob::successor::successor;
use capsule_shared::BlobKey;
use capsule_shared::blob_store::FaultKind;
use ic_stable_structures::Memory;

/// Hashes the next chunk. Returns whether all blobs are hashed.
pub fn step<M: Memory>(store: &BlobStore<M>, check: &mut Check) -> bool {
    let next = store.records.range(check.cursor..).next();
    let Some((key, record)) = next.map(|entry| (*entry.key(), entry.value())) else {
        return true;
    };
    if key != check.cursor {
        begin_at(check, key);
    }
    if record.state != BlobState::Sealed {
        return go_on_behind(check, key);
    }
    let Some(expected) = record.sha256 else {
        check.status.without_sha256 += 1;
        return go_on_behind(check, key);
    };
    if check.expected != Some(expected) || !fits(&record, &check.hashed) {
        // It isn't begun, or it was deleted and came again with other chunks.
        check.hashed = Hashed::default();
        check.expected = Some(expected);
    }
    if let Some(unreadable) = unreadable(store, &key, &record, check.hashed.chunks) {
        check.found(FaultKind::Sha256, Some(key), unreadable);
        return go_on_behind(check, key);
    }
    store.hash_chunk(&BlobKey(key), &record, &mut check.hashed);
    if check.hashed.chunks < record.chunks.count() {
        return false;
    }
    check.status.hashed_blobs += 1;
    check.status.hashed_bytes += record.bytes;
    let found = check.hashed.midstate.digest();
    if found != expected {
        let [found, expected] = [found, expected].map(hex::encode);
        let text = format!("the SHA-256 is {found}, expected {expected}");
        check.found(FaultKind::Sha256, Some(key), text);
    }
    go_on_behind(check, key)
}

/// Whether the blob may have been hashed so far.
fn fits(record: &BlobRecord, hashed: &Hashed) -> bool {
    let before = match record.layout {
        Layout::Map => hashed.bytes,
        Layout::File(shape) => u64::from(hashed.chunks) * u64::from(shape.chunk_len),
    };
    hashed.chunks < record.chunks.count() && hashed.bytes == before
}

/// Says why a chunk can't be read. Reading it would trap.
fn unreadable<M: Memory>(
    store: &BlobStore<M>,
    key: &[u8; 32],
    record: &BlobRecord,
    index: u32,
) -> Option<String> {
    let is_there = match record.layout {
        Layout::Map => store.map_has(&BlobKey(*key), index),
        Layout::File(shape) => store.extents.has(key, shape.range(index)),
    };
    (!is_there).then(|| format!("chunk {index} can't be read, expected its bytes"))
}

fn begin_at(check: &mut Check, key: [u8; 32]) {
    check.cursor = key;
    check.expected = None;
    check.hashed = Hashed::default();
}

fn go_on_behind(check: &mut Check, key: [u8; 32]) -> bool {
    match successor(key) {
        Some(next) => {
            begin_at(check, next);
            false
        }
        None => true,
    }
}
