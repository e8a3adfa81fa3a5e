//! The parts that all measured work shares: the person who uploads, the files, and the measuring.

use super::row::{Kind, Row};
use crate::client::{CallError, Called, Client};
use crate::deployment::{Deployment, Part, person};
use crate::metrics::metrics;
use crate::source::UploadSpec;
use crate::statistics;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// Turns of the timer within which the queue must become empty.
const MAX_TURNS: usize = 10_000;

/// The byte that all files consist of.
const BYTE: u8 = 7;

/// The length of a file: full chunks of one length.
#[derive(Clone, Copy)]
pub struct Size {
    pub chunk: usize,
    pub chunks: u64,
}

impl Size {
    /// A file in chunks of the most bytes.
    pub const fn full(chunks: u64) -> Self {
        Size {
            chunk: MAX_CHUNK_BYTES,
            chunks,
        }
    }

    pub fn bytes(self) -> u64 {
        self.chunks * self.chunk as u64
    }

    pub fn mega(self) -> f64 {
        self.bytes() as f64 / 1e6
    }

    pub fn spec(self, name: &str) -> UploadSpec {
        UploadSpec::document(name, self.bytes()).in_chunks_of(self.chunk, self.bytes())
    }

    pub fn one_chunk(self) -> Vec<u8> {
        vec![BYTE; self.chunk]
    }

    /// The SHA-256 of the whole file.
    pub fn digest(self) -> [u8; 32] {
        let chunk = self.one_chunk();
        let mut hasher = Sha256::new();
        (0..self.chunks).for_each(|_| hasher.update(&chunk));
        hasher.finalize().into()
    }

    pub fn content(self) -> impl std::io::Read {
        std::io::Read::take(std::io::repeat(BYTE), self.bytes())
    }
}

/// The canisters, and the person who works with them.
pub struct Scene<'a> {
    deployment: &'a Deployment,
    pub client: Client<'a>,
    pub capsule: String,
}

impl<'a> Scene<'a> {
    pub fn prepare(deployment: &'a Deployment) -> Called<Self> {
        let client = deployment.client(person("bench"));
        let capsule = client.capsules_create(None)?.id;
        Ok(Scene {
            deployment,
            client,
            capsule,
        })
    }

    /// Lets time pass until the gateway has no jobs of this kind.
    pub fn settle(&self, kind: &str) -> Called<()> {
        let pic = &self.deployment.pic;
        let name = format!("upload_gateway_jobs{{kind=\"{kind}\"}}");
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

    /// Does the work, in so many pieces and with so many bytes, and measures its costs.
    pub fn row<T>(
        &self,
        name: &str,
        kind: Kind,
        pieces: u64,
        bytes: u64,
        work: impl FnOnce() -> Called<T>,
    ) -> Result<(T, Row), String> {
        let pic = &self.deployment.pic;
        let before = self.allocated()?;
        statistics::clear(pic)?;
        let started = Instant::now();
        let done = work().map_err(|e| format!("{name}: {e}"))?;
        let time = started.elapsed();
        let mut all = statistics::read(pic)?;
        let parts = Part::ALL.map(|part| {
            let id = self.deployment.id(part).to_text();
            all.remove(&id).unwrap_or_default()
        });
        let after = self.allocated()?;
        let row = Row {
            name: name.to_string(),
            kind,
            pieces,
            bytes,
            time,
            parts,
            allocated: after - before,
        };
        Ok((done, row))
    }

    /// Bytes of stable memory that the store has given to blobs.
    fn allocated(&self) -> Result<f64, String> {
        let name = "blob_store_allocated_bytes";
        let metrics = metrics(self.deployment, Part::BlobStore)?;
        let bytes = metrics.get(name).copied();
        bytes.ok_or_else(|| format!("the store has no metric {name}"))
    }
}
