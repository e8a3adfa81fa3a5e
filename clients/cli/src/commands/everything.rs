//! All memories of a capsule, downloaded into a folder.

use crate::commands::download::Downloads;
use crate::commands::in_order::all_in_order;
use crate::commands::line::DownloadLine;
use crate::console;
use crate::exit::Kind;
use crate::failure::{Failure, IntegrityError, Outcome, several};
use crate::local::error::LocalError;
use crate::local::folder::enter::{Identity, There, enter, identity, there, way};
use crate::local::folder::error::FolderError;
use crate::local::folder::name::Rules;
use crate::local::folder::place::{Wanted, places};
use crate::local::folder::plan::Listed;
use crate::local::source::blocking;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::memory_index::Memory;
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::sync::Semaphore;

/// The most memories at once. Small ones wait for rounds of the network, and share them.
const AT_ONCE: usize = 32;

/// The most bytes of one memory that are requested ahead.
const AHEAD_BYTES: u64 = 4 * MAX_CHUNK_BYTES as u64;

/// The most bytes that are requested ahead in all.
const MAX_BYTES: usize = 16 * MAX_CHUNK_BYTES;

/// The last word about memories that failed.
const NOT_DOWNLOADED: &str =
    "memories are not downloaded, expected none; repeat the command to read what is missing";

/// A download of all memories of a capsule.
pub struct Everything {
    pub downloads: Downloads,
    /// It is made if it isn't there.
    pub folder: PathBuf,
    /// Replace files that are there with other bytes.
    pub force: bool,
}

/// The outcome for one memory.
enum Done {
    Downloaded(u64),
    There,
}

/// The place of a memory as it was found.
struct Found {
    there: There,
    file: Option<Identity>,
}

/// The outcome for all memories.
#[derive(Default)]
struct Sum {
    downloaded: usize,
    there: usize,
    bytes: u64,
    failed: Vec<Failure>,
}

impl Everything {
    /// Downloads all memories of the capsule, and says at the end what became of them.
    pub async fn run(&self, capsule: &str) -> Outcome {
        let started = Instant::now();
        let progress = &self.downloads.progress;
        progress.phase("asking what is there");
        let memories = self.downloads.gateway.all_memories(capsule).await?;
        let memories: Vec<Listed> = memories.into_iter().map(Listed::from).collect();
        let wanted: Vec<Wanted<'_>> = memories.iter().map(Listed::wanted).collect();
        let places = places(&wanted, Rules::HERE);
        std::fs::create_dir_all(&self.folder).map_err(|error| LocalError::Write {
            path: self.folder.clone(),
            error,
        })?;
        progress.expect(
            memories.len(),
            memories.iter().map(|memory| memory.bytes).sum(),
        );
        let all = || memories.iter().zip(&places);
        // All looks come first. Two places may be one file, for example if the disk knows no upper
        // case. Then the second memory finds the file of the first, and doesn't replace it.
        let looks = all().map(|(memory, place)| self.look(memory, place));
        let mut found = all_in_order(looks, AT_ONCE).await;
        self.keep_apart(&memories, &places, &mut found);
        let room = &Semaphore::new(MAX_BYTES);
        let downloads = all().zip(found).map(|((memory, place), found)| async move {
            let ahead = memory.bytes.min(AHEAD_BYTES) as u32;
            let _room = room.acquire_many(ahead).await;
            let done = match found {
                Ok(found) => self.one(memory, place, found.there).await,
                Err(failure) => Err(failure),
            };
            done.map_err(|failure| self.report(place, failure))
        });
        let outcomes = all_in_order(downloads, AT_ONCE).await;
        let mut sum = Sum::default();
        for outcome in outcomes {
            match outcome {
                Ok(Done::There) => sum.there += 1,
                Ok(Done::Downloaded(bytes)) => {
                    sum.downloaded += 1;
                    sum.bytes += bytes;
                }
                Err(failure) => sum.failed.push(failure),
            }
        }
        progress.finish();
        self.summary(sum, memories.len(), started)
    }

    /// Downloads one memory, unless its file is there.
    ///
    /// One node's word is enough to leave a file as it is: a node that lies could as well not list
    /// the memory at all. The network certifies what is written.
    async fn one(&self, listed: &Listed, place: &Path, found: There) -> Outcome<Done> {
        let replace = match found {
            There::Same => {
                self.there(listed, place);
                return Ok(Done::There);
            }
            There::Other if !self.force => {
                let path = self.folder.join(place);
                return Err(LocalError::Exists { path }.into());
            }
            There::Other => true,
            There::Nothing => false,
        };
        let told = self.downloads.told(&listed.memory).await?;
        if !is_named(&told.memory, listed) {
            return Err(Failure::from(IntegrityError::ListedOther {
                memory: listed.memory.clone(),
            }));
        }
        let path = enter(&self.folder, place)?;
        self.downloads.entry(&told, &path, replace).await?;
        Ok(Done::Downloaded(told.memory.place.size))
    }

    /// Looks at the place where the memory goes.
    async fn look(&self, listed: &Listed, place: &Path) -> Outcome<Found> {
        let path = way(&self.folder, place)?;
        let (bytes, sha256) = (listed.bytes, listed.sha256.clone());
        let looked = blocking(move || {
            let there = there(&path, bytes, &sha256)?;
            let file = identity(&path);
            Ok::<_, FolderError>(Found { there, file })
        });
        Ok(looked.await?)
    }

    /// Lets one memory have each file that is there: the one with its bytes, else the first that
    /// would replace it. The others fail, because they would replace it silently.
    fn keep_apart(&self, memories: &[Listed], places: &[PathBuf], found: &mut [Outcome<Found>]) {
        let mut owners: HashMap<Identity, usize> = HashMap::new();
        for there in [There::Same, There::Other] {
            for (index, outcome) in found.iter_mut().enumerate() {
                let file = match outcome {
                    Ok(found) if found.there == there => found.file.clone(),
                    _ => None,
                };
                let Some(file) = file else {
                    continue;
                };
                let owner = *owners.entry(file).or_insert(index);
                if there == There::Other && self.force && owner != index {
                    *outcome = Err(Failure::from(FolderError::OneFile {
                        path: self.folder.join(&places[index]),
                        other: self.folder.join(&places[owner]),
                        memory: memories[owner].memory.clone(),
                    }));
                }
            }
        }
    }

    fn there(&self, listed: &Listed, place: &Path) {
        let path = self.folder.join(place);
        let (memory, bytes) = (&listed.memory, listed.bytes);
        self.downloads.progress.transfer(memory, bytes).done();
        self.downloads.output.entry(
            &format!("{memory}  {}  {bytes} bytes, already there", path.display()),
            DownloadLine {
                memory,
                file: Some(&path),
                bytes,
                sha256: &listed.sha256,
                received_chunks: 0,
                proven: false,
                already_there: true,
            }
            .json(),
        );
    }

    fn report(&self, place: &Path, failure: Failure) -> Failure {
        let path = self.folder.join(place);
        // problems of this machine name the path themselves
        let failure = match failure.kind() {
            Kind::Local => failure,
            _ => failure.of_file(&path),
        };
        console::error(&failure.to_string());
        self.downloads.output.failure(Some(&path), &failure);
        failure
    }

    fn summary(&self, sum: Sum, all: usize, started: Instant) -> Outcome {
        let seconds = started.elapsed().as_secs_f64();
        let failed = sum.failed.len();
        self.downloads.output.result(
            &format!(
                "{} downloaded, {} already there, {failed} failed; {} bytes in {seconds:.1} s",
                sum.downloaded, sum.there, sum.bytes
            ),
            json!({
                "downloaded": sum.downloaded,
                "already_there": sum.there,
                "failed": failed,
                "bytes": sum.bytes,
                "seconds": seconds,
            }),
        );
        several(&sum.failed, all, NOT_DOWNLOADED)
    }
}

/// Whether a memory has the name and the path that one node listed. An index of release 0.1.0 lists
/// no paths.
fn is_named(memory: &Memory, listed: &Listed) -> bool {
    let base = memory.metadata.base();
    let same_path = listed.path.is_none() || base.storage_key == listed.path;
    memory.id == listed.memory && base.name == listed.name && same_path
}
