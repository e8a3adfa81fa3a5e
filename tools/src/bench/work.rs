//! The measured work: uploads alone, interleaved and out of order, on an empty and a full store.

use super::row::Row;
use crate::client::{CallError, Called, Client};
use crate::deployment::{Deployment, Part, person};
use crate::metrics::metrics;
use crate::source::UploadSpec;
use crate::statistics;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::upload::UploadFinishResult;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// 21.6 MB.
const CHUNKS: u64 = 12;
/// 1 GB, including the last filling.
const FULL_CHUNKS: u64 = 556;
const FILLINGS: u64 = 4;
/// 360 MB: too much to hash or delete in one message.
const LONG_CHUNKS: u64 = 200;
/// Chunks that arrive in reverse order, well within the reorder window.
const REVERSED: usize = 4;
/// Turns of the timer within which the queue must become empty.
const MAX_TURNS: usize = 10_000;

/// Does all the work on a fresh deployment. Calls `measured` after each row.
///
/// # Errors
/// When a call fails, or when the engine has no statistics.
pub fn measure(
    deployment: &Deployment,
    measured: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, String> {
    let client = deployment.client(person("bench"));
    let capsule = client.capsules_create(None).map_err(|e| e.to_string())?.id;
    let bench = Bench {
        deployment,
        client,
        capsule,
    };
    let mut rows = vec![];
    let mut add = |row: Row| {
        measured(&row.name);
        rows.push(row);
    };
    let all = |stored: u64| format!("{:.0} MB stored", mega(stored));
    add(bench.alone("1 upload, nothing stored", CHUNKS)?);
    add(bench.interleaved(&format!("4 interleaved, {}", all(CHUNKS)))?);
    let stored = 5 * CHUNKS;
    let name = format!("1 out of order, {}", all(stored));
    add(bench.out_of_order(&name, CHUNKS)?.1);
    let mut stored = stored + CHUNKS;
    let step = (FULL_CHUNKS - stored) / FILLINGS;
    for _ in 0..FILLINGS {
        let name = format!("1 upload of {:.0} MB, {}", mega(step), all(stored));
        add(bench.alone(&name, step)?);
        stored += step;
    }
    add(bench.alone("1 upload, 1 GB stored", CHUNKS)?);
    add(bench.interleaved("4 interleaved, 1 GB stored")?);
    let name = format!("1 out of order of {:.0} MB, 1 GB stored", mega(LONG_CHUNKS));
    let (long, row) = bench.out_of_order(&name, LONG_CHUNKS)?;
    add(row);
    add(bench.deletion("its deletion", LONG_CHUNKS, &long)?);
    Ok(rows)
}

fn mega(chunks: u64) -> f64 {
    (chunks * MAX_CHUNK_BYTES as u64) as f64 / 1e6
}

struct Bench<'a> {
    deployment: &'a Deployment,
    client: Client<'a>,
    capsule: String,
}

impl Bench<'_> {
    /// Uploads one file in order, one chunk after the other.
    fn alone(&self, name: &str, chunks: u64) -> Result<Row, String> {
        let spec = spec(name, chunks);
        let (_, row) = self.row(name, chunks, || {
            let bytes = std::io::repeat(7);
            let bytes = std::io::Read::take(bytes, spec.metadata.base().bytes);
            self.client.upload(&self.capsule, &spec, bytes, |_| ())
        })?;
        Ok(row)
    }

    /// Uploads four files at once: in each turn one chunk of each is in flight.
    fn interleaved(&self, name: &str) -> Result<Row, String> {
        let specs: Vec<_> = (0..4)
            .map(|i| spec(&format!("{name} {i}"), CHUNKS))
            .collect();
        let chunk = vec![7; MAX_CHUNK_BYTES];
        let (_, row) = self.row(name, 4 * CHUNKS, || {
            let sessions: Called<Vec<u64>> = specs
                .iter()
                .map(|spec| self.client.begin(&self.capsule, spec))
                .collect();
            let sessions = sessions?;
            for index in 0..CHUNKS as u32 {
                let sent: Called<Vec<_>> = sessions
                    .iter()
                    .map(|session| self.client.send_chunk(*session, index, &chunk))
                    .collect();
                for call in sent? {
                    self.client.chunk_answer(call)?;
                }
            }
            for session in sessions {
                self.client
                    .finish(session, &digest(CHUNKS), bytes(CHUNKS))?;
            }
            Ok(())
        })?;
        Ok(row)
    }

    /// Uploads one file in small reversed groups of chunks, so that the store has to hash it.
    fn out_of_order(&self, name: &str, chunks: u64) -> Result<(UploadFinishResult, Row), String> {
        let spec = spec(name, chunks);
        let chunk = vec![7; MAX_CHUNK_BYTES];
        let indexes: Vec<u32> = (0..chunks as u32).collect();
        self.row(name, chunks, || {
            let session = self.client.begin(&self.capsule, &spec)?;
            for index in indexes
                .chunks(REVERSED)
                .flat_map(|group| group.iter().rev())
            {
                self.client.put_chunk(session, *index, &chunk)?;
            }
            self.settle("jobs{kind=\"digest\"}")?;
            let (sha256, bytes) = (digest(chunks), bytes(chunks));
            self.client.finish(session, &sha256, bytes)
        })
    }

    fn deletion(
        &self,
        name: &str,
        chunks: u64,
        uploaded: &UploadFinishResult,
    ) -> Result<Row, String> {
        let (_, row) = self.row(name, chunks, || {
            self.client.memories_delete(&uploaded.memory_id)?;
            self.settle("jobs{kind=\"delete_blob\"}")
        })?;
        Ok(row)
    }

    /// Lets time pass until the gateway has no jobs of this kind.
    fn settle(&self, kind: &str) -> Called<()> {
        let pic = &self.deployment.pic;
        let name = format!("upload_gateway_{kind}");
        for _ in 0..MAX_TURNS {
            let metrics =
                metrics(self.deployment, Part::Gateway).map_err(CallError::Undecodable)?;
            if metrics.get(&name) == Some(&0.0) {
                return Ok(());
            }
            pic.advance_time(Duration::from_secs(1));
            (0..3).for_each(|_| pic.tick());
        }
        Err(CallError::Undecodable(format!("{name} does not become 0")))
    }

    /// Does the work and measures its costs.
    fn row<T>(
        &self,
        name: &str,
        chunks: u64,
        work: impl FnOnce() -> Called<T>,
    ) -> Result<(T, Row), String> {
        let pic = &self.deployment.pic;
        statistics::clear(pic)?;
        let started = Instant::now();
        let done = work().map_err(|e| format!("{name}: {e}"))?;
        let time = started.elapsed();
        let mut all = statistics::read(pic)?;
        let parts = Part::ALL.map(|part| {
            let id = self.deployment.id(part).to_text();
            all.remove(&id).unwrap_or_default()
        });
        let row = Row {
            name: name.to_string(),
            chunks,
            bytes: bytes(chunks),
            time,
            parts,
        };
        Ok((done, row))
    }
}

fn bytes(chunks: u64) -> u64 {
    chunks * MAX_CHUNK_BYTES as u64
}

fn spec(name: &str, chunks: u64) -> UploadSpec {
    UploadSpec::document(name, bytes(chunks))
}

/// The SHA-256 of so many chunks.
fn digest(chunks: u64) -> [u8; 32] {
    let chunk = vec![7; MAX_CHUNK_BYTES];
    let mut hasher = Sha256::new();
    (0..chunks).for_each(|_| hasher.update(&chunk));
    hasher.finalize().into()
}
