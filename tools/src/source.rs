//! The data of an upload: metadata, chunk size, and bytes.

use capsule_shared::asset::{AssetMetadata, of_file};
use capsule_shared::limits;
use std::io::Read;

/// An upload without its bytes. Sizes are in bytes.
#[derive(Clone, Debug)]
pub struct UploadSpec {
    pub metadata: AssetMetadata,
    pub chunk_size: usize,
    pub expected_chunks: u32,
    pub idempotency_key: String,
}

impl UploadSpec {
    /// A document of `bytes` bytes in chunks of the advised size. It declares its size.
    pub fn document(name: &str, bytes: u64) -> Self {
        Self {
            metadata: document(name, bytes),
            chunk_size: limits::MAX_CHUNK_BYTES,
            expected_chunks: 0,
            idempotency_key: format!("key of {name}"),
        }
        .in_chunks_of(limits::MAX_CHUNK_BYTES, bytes)
    }

    /// The same upload in chunks of another size.
    pub fn in_chunks_of(mut self, chunk_size: usize, bytes: u64) -> Self {
        self.chunk_size = chunk_size;
        // The gateway refuses a number that is too large.
        self.expected_chunks = u32::try_from(bytes.div_ceil(chunk_size as u64)).unwrap_or(u32::MAX);
        self
    }
}

/// Metadata of a document. With 0 bytes it declares no size.
pub fn document(name: &str, bytes: u64) -> AssetMetadata {
    of_file(name, "application/octet-stream", bytes)
}

/// Cuts a source of bytes into chunks of one size; the last one may be shorter.
///
/// Holds one chunk at a time.
pub(crate) struct Chunks<R> {
    source: R,
    buffer: Vec<u8>,
    size: usize,
}

impl<R: Read> Chunks<R> {
    pub(crate) fn new(source: R, size: usize) -> Self {
        Self {
            source,
            buffer: Vec::with_capacity(size),
            size,
        }
    }

    pub(crate) fn next_chunk(&mut self) -> std::io::Result<Option<&[u8]>> {
        self.buffer.clear();
        (&mut self.source)
            .take(self.size as u64)
            .read_to_end(&mut self.buffer)?;
        Ok((!self.buffer.is_empty()).then_some(&self.buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_cut_into_equal_chunks_and_a_rest() {
        let mut chunks = Chunks::new(&b"abcdefg"[..], 3);
        let mut found = Vec::new();
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            found.push(chunk.to_vec());
        }
        assert_eq!(found, [&b"abc"[..], b"def", b"g"]);
    }

    #[test]
    fn chunks_are_counted() {
        let count = |bytes| UploadSpec::document("file", bytes).expected_chunks;
        assert_eq!(
            [1, 1_800_000, 1_800_001, 21_600_000].map(count),
            [1, 1, 2, 12]
        );
    }
}
