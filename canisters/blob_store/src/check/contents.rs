//! The SHA-256 of sealed blobs.

use super::record::Check;
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
    if check.expected != Some(expected) {
        // It isn't begun, or it was deleted and came again with other bytes.
        check.hashed = Hashed::default();
        check.expected = Some(expected);
    }
    match hash_chunk(store, &key, &record, &mut check.hashed) {
        None => false,
        Some(found) => {
            check.status.hashed_blobs += 1;
            check.status.hashed_bytes += record.bytes;
            if found != expected {
                let [found, expected] = [found, expected].map(hex);
                let text = format!("the SHA-256 is {found}, expected {expected}");
                check.found(FaultKind::Sha256, Some(key), text);
            }
            go_on_behind(check, key)
        }
    }
}

/// Hashes one more chunk of a blob, and returns the SHA-256 after the last one.
fn hash_chunk<M: Memory>(
    store: &BlobStore<M>,
    key: &[u8; 32],
    record: &BlobRecord,
    hashed: &mut Hashed,
) -> Option<[u8; 32]> {
    store.each_piece(&BlobKey(*key), record, hashed.chunks, |bytes| {
        hashed.midstate.update(bytes);
        hashed.bytes += bytes.len() as u64;
        true
    });
    hashed.chunks += 1;
    (hashed.chunks == record.chunks.count()).then(|| hashed.midstate.digest())
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

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
