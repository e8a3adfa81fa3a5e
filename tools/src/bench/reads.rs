//! Kinds of measured work that change nothing: queries that read a whole file.

use super::row::{Kind, Row};
use super::scene::{Scene, Size};
use crate::client::{CallError, Called};
use capsule_shared::limits::MAX_RANGE_BYTES;
use capsule_shared::upload::UploadFinishResult;
use serde_bytes::ByteBuf;

impl Scene<'_> {
    /// Reads in ranges of the most bytes.
    pub fn in_ranges(
        &self,
        name: &str,
        size: Size,
        file: &UploadFinishResult,
    ) -> Result<Row, String> {
        self.read(
            name,
            size,
            size.bytes().div_ceil(MAX_RANGE_BYTES),
            |range| {
                let offset = range * MAX_RANGE_BYTES;
                self.client
                    .blob_read_range(&file.blob_id, offset, MAX_RANGE_BYTES)
            },
        )
    }

    /// Reads chunk by chunk, as they were sent.
    pub fn in_chunks(
        &self,
        name: &str,
        size: Size,
        file: &UploadFinishResult,
    ) -> Result<Row, String> {
        self.read(name, size, size.chunks, |index| {
            self.client.blob_read_chunk(&file.blob_id, index as u32)
        })
    }

    fn read(
        &self,
        name: &str,
        size: Size,
        queries: u64,
        query: impl Fn(u64) -> Called<ByteBuf>,
    ) -> Result<Row, String> {
        let (_, row) = self.row(name, Kind::Read, queries, size.bytes(), || {
            let mut bytes = 0;
            for number in 0..queries {
                bytes += query(number)?.len() as u64;
            }
            if bytes == size.bytes() {
                return Ok(());
            }
            Err(CallError::Source(format!(
                "{bytes} bytes were read, expected {}",
                size.bytes()
            )))
        })?;
        Ok(row)
    }
}
