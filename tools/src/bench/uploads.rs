//! Kinds of measured work that change what is stored: uploads and deletions.

use super::row::{Kind, Row};
use super::scene::{Scene, Size};
use crate::client::Called;
use capsule_shared::upload::UploadFinishResult;

/// Chunks that arrive in reverse order, well within the reorder window.
const REVERSED: usize = 4;

impl Scene<'_> {
    /// Uploads one file in order, one chunk after the other.
    pub fn alone(&self, name: &str, size: Size) -> Result<(UploadFinishResult, Row), String> {
        let spec = size.spec(name);
        self.row(name, Kind::InOrder, size.chunks, size.bytes(), || {
            let uploaded = self
                .client
                .upload(&self.capsule, &spec, size.content(), |_| ())?;
            Ok(uploaded.result)
        })
    }

    /// Uploads four files at once: in each turn one chunk of each is in flight.
    pub fn interleaved(&self, name: &str, size: Size) -> Result<Row, String> {
        let specs: Vec<_> = (0..4).map(|i| size.spec(&format!("{name} {i}"))).collect();
        let chunk = size.one_chunk();
        let (_, row) = self.row(
            name,
            Kind::InOrder,
            4 * size.chunks,
            4 * size.bytes(),
            || {
                let sessions: Called<Vec<u64>> = specs
                    .iter()
                    .map(|spec| self.client.begin(&self.capsule, spec))
                    .collect();
                let sessions = sessions?;
                for index in 0..size.chunks as u32 {
                    let sent: Called<Vec<_>> = sessions
                        .iter()
                        .map(|session| self.client.send_chunk(*session, index, &chunk))
                        .collect();
                    for call in sent? {
                        self.client.chunk_answer(call)?;
                    }
                }
                for session in sessions {
                    self.client.finish(session, &size.digest(), size.bytes())?;
                }
                Ok(())
            },
        )?;
        Ok(row)
    }

    /// Uploads one file in small reversed groups of chunks, so that the store has to hash it.
    pub fn out_of_order(
        &self,
        name: &str,
        size: Size,
    ) -> Result<(UploadFinishResult, Row), String> {
        let spec = size.spec(name);
        let chunk = size.one_chunk();
        let indexes: Vec<u32> = (0..size.chunks as u32).collect();
        self.row(name, Kind::OutOfOrder, size.chunks, size.bytes(), || {
            let session = self.client.begin(&self.capsule, &spec)?;
            for index in indexes
                .chunks(REVERSED)
                .flat_map(|group| group.iter().rev())
            {
                self.client.put_chunk(session, *index, &chunk)?;
            }
            self.settle("digest")?;
            self.client.finish(session, &size.digest(), size.bytes())
        })
    }

    pub fn deletion(
        &self,
        name: &str,
        size: Size,
        uploaded: &UploadFinishResult,
    ) -> Result<Row, String> {
        let (_, row) = self.row(name, Kind::Deletion, size.chunks, size.bytes(), || {
            self.client.memories_delete(&uploaded.memory_id)?;
            self.settle("delete_blob")
        })?;
        Ok(row)
    }
}
