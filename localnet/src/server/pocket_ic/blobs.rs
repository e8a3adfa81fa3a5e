//! The blob store: a client uploads bytes first and names them by their hash afterwards.

use crate::server::refusal::Refusal;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use flate2::read::GzDecoder;
use pocket_ic::common::rest::{BlobCompression, BlobId};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};

/// The largest blob in bytes, as uploaded.
pub const MAX_BLOB_BYTES: usize = 1 << 30;

/// The largest blob in bytes after decompression. It bounds what a test can put into stable memory
/// at once.
const MAX_PLAIN_BYTES: u64 = 4 << 30;

/// How many bytes the store keeps. The protocol can't delete a blob, so the store drops the oldest
/// ones.
const CAPACITY_BYTES: usize = 2 * MAX_BLOB_BYTES;

#[derive(Clone)]
struct Blob {
    id: BlobId,
    bytes: Bytes,
    compression: BlobCompression,
}

/// Blobs in the order of their upload.
#[derive(Clone, Default)]
pub struct BlobStore(Arc<Mutex<VecDeque<Blob>>>);

impl BlobStore {
    fn put(&self, bytes: Bytes, compression: BlobCompression) -> BlobId {
        let mut hash = Sha256::new();
        if compression == BlobCompression::Gzip {
            // the same bytes, compressed or not, are two different blobs
            hash.update(b"gzip");
        }
        hash.update(&bytes);
        let id = BlobId(hash.finalize().to_vec());
        let mut blobs = self.lock();
        blobs.retain(|blob| blob.id != id);
        blobs.push_back(Blob {
            id: id.clone(),
            bytes,
            compression,
        });
        while blobs.iter().map(|blob| blob.bytes.len()).sum::<usize>() > CAPACITY_BYTES {
            blobs.pop_front();
        }
        id
    }

    /// The decompressed bytes. Decompression of a large blob takes seconds, so don't call this on
    /// an async thread.
    ///
    /// # Errors
    ///
    /// Refuses with 400 if there is no such blob, if it isn't valid gzip, or if it is too large.
    pub fn plain(&self, id: &BlobId) -> Result<Vec<u8>, Refusal> {
        let blob = self.lock().iter().find(|blob| blob.id == *id).cloned();
        let blob = blob.ok_or_else(|| {
            Refusal::bad_request(format!(
                "{id} is not in the blob store, expected one of the latest {CAPACITY_BYTES} bytes: \
                 upload it again"
            ))
        })?;
        match blob.compression {
            BlobCompression::NoCompression => Ok(blob.bytes.to_vec()),
            BlobCompression::Gzip => unpack(&blob.bytes, MAX_PLAIN_BYTES)
                .map_err(|reason| Refusal::bad_request(format!("{id}: {reason}"))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Blob>> {
        self.0
            .lock()
            .expect("BUG: a holder of the blob store panicked")
    }
}

fn unpack(bytes: &[u8], limit: u64) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes)
        .take(limit + 1)
        .read_to_end(&mut plain)
        .map_err(|e| format!("the blob is not valid gzip: {e}"))?;
    if plain.len() as u64 > limit {
        return Err(format!(
            "the blob is too long, expected at most {limit} bytes after decompression"
        ));
    }
    Ok(plain)
}

/// Answers with the blob's id in hexadecimal.
pub async fn upload(
    State(blobs): State<BlobStore>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<String, Refusal> {
    let compression = match headers.get(header::CONTENT_ENCODING).map(|v| v.as_bytes()) {
        None => BlobCompression::NoCompression,
        Some(b"gzip") => BlobCompression::Gzip,
        Some(other) => {
            return Err(Refusal::bad_request(format!(
                "the content encoding is {:?}, expected gzip or none",
                String::from_utf8_lossy(other)
            )));
        }
    };
    // off the async threads: hashing a gigabyte there would hold up other requests
    let id = tokio::task::spawn_blocking(move || blobs.put(bytes, compression))
        .await
        .map_err(|e| Refusal::internal(format!("localnet failed: {e}")))?;
    Ok(hex::encode(id.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("writes to memory");
        encoder.finish().expect("writes to memory")
    }

    #[test]
    fn a_blob_comes_back_plain() {
        let store = BlobStore::default();
        let packed = Bytes::from(gzip(b"capsule"));
        let plain = store.put(
            Bytes::from_static(b"capsule"),
            BlobCompression::NoCompression,
        );
        let zipped = store.put(packed.clone(), BlobCompression::Gzip);
        let raw = store.put(packed.clone(), BlobCompression::NoCompression);
        assert_eq!(store.plain(&plain), Ok(b"capsule".to_vec()));
        assert_eq!(store.plain(&zipped), Ok(b"capsule".to_vec()));
        assert_eq!(store.plain(&raw), Ok(packed.to_vec()));
    }

    #[test]
    fn a_blob_that_is_missing_or_invalid_is_refused() {
        let store = BlobStore::default();
        let id = store.put(Bytes::from_static(b"not gzip"), BlobCompression::Gzip);
        let refusal = store.plain(&id).expect_err("is not gzip");
        assert!(refusal.message.contains("not valid gzip"), "{refusal:?}");
        let missing = store.plain(&BlobId(vec![7; 32])).expect_err("is not there");
        assert!(
            missing.message.contains("not in the blob store"),
            "{missing:?}"
        );
        assert_eq!(unpack(&gzip(&[1; 100]), 100), Ok(vec![1; 100]));
        assert!(unpack(&gzip(&[1; 101]), 100).is_err());
    }
}
