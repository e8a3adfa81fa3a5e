//! The file that tells clients about the network of this machine.
//!
//! It tells of the network that started last. When that one ends, the file tells of the network
//! before it again, if that one still runs. Nothing else of another network is changed.

use crate::deployment::Part;
use crate::http;
use candid::Principal;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a network of this machine may take to say that it runs.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ids of the three canisters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ids {
    pub upload_gateway: Principal,
    pub blob_store: Principal,
    pub memory_index: Principal,
}

impl Ids {
    pub fn id(&self, part: Part) -> Principal {
        match part {
            Part::Gateway => self.upload_gateway,
            Part::BlobStore => self.blob_store,
            Part::MemoryIndex => self.memory_index,
        }
    }
}

/// A network, as the file tells of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Network {
    url: String,
    /// In DER, as hex.
    root_key: String,
    #[serde(flatten)]
    ids: Ids,
    /// The network that the file told of before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Box<Network>>,
}

/// The file, while it tells of this process's network. Dropping it lets the file tell of the
/// network before, or removes it.
pub struct Told {
    path: PathBuf,
    url: String,
}

impl Told {
    /// Lets the file tell of the network at `url`.
    ///
    /// # Errors
    /// When the network doesn't answer, or the file can't be written.
    pub fn of(path: &Path, url: &str, ids: &Ids) -> Result<Self, String> {
        let root_key = hex(&root_key(url)?);
        let _lock = lock(path)?;
        let network = Network {
            url: url.to_string(),
            root_key,
            ids: ids.clone(),
            before: running(read(path)).filter(|before| before.url != url),
        };
        write(path, &network)?;
        Ok(Self {
            path: path.to_path_buf(),
            url: url.to_string(),
        })
    }

    /// A file that tells of another network by now stays.
    fn withdraw(&self) -> Result<(), String> {
        let _lock = lock(&self.path)?;
        let told = read(&self.path).filter(|told| told.url == self.url);
        let Some(told) = told else {
            return Ok(());
        };
        match running(told.before) {
            Some(before) => write(&self.path, &before),
            None => std::fs::remove_file(&self.path).map_err(|e| about(&self.path, e)),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Err(text) = self.withdraw() {
            // a message that can't be written is no reason to fail
            let _ = writeln!(
                std::io::stderr(),
                "clients may still look for the network that ended: {text}"
            );
        }
    }
}

/// The first network of a chain that still runs, with those before it.
fn running(mut network: Option<Box<Network>>) -> Option<Box<Network>> {
    while let Some(known) = network {
        if root_key_within(&known.url, PATIENCE).is_ok_and(|key| hex(&key) == known.root_key) {
            return Some(known);
        }
        network = known.before;
    }
    None
}

fn read(path: &Path) -> Option<Box<Network>> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Keeps other processes from changing the file, until the lock is dropped.
fn lock(path: &Path) -> Result<File, String> {
    let path = path.with_extension("lock");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| about(folder, e))?;
    }
    let file = File::create(&path).map_err(|e| about(&path, e))?;
    file.lock().map_err(|e| about(&path, e))?;
    Ok(file)
}

/// Writes a file of JSON, whole or not at all.
///
/// # Errors
/// Names the file that can't be written.
pub fn write(path: &Path, value: &impl Serialize) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| about(folder, e))?;
    }
    let text =
        serde_json::to_string_pretty(value).map_err(|e| format!("{}: {e}", path.display()))?;
    let part = path.with_extension("part");
    std::fs::write(&part, text + "\n").map_err(|e| about(&part, e))?;
    std::fs::rename(&part, path).map_err(|e| about(path, e))
}

fn about(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[derive(Deserialize)]
struct Status {
    root_key: ByteBuf,
}

/// The network's root key in DER, from its status.
///
/// # Errors
/// When the network doesn't answer.
pub fn root_key(url: &str) -> Result<Vec<u8>, String> {
    root_key_within(url, http::HANG)
}

fn root_key_within(url: &str, patience: Duration) -> Result<Vec<u8>, String> {
    let status = http::client()
        .get(format!("{url}api/v2/status"))
        .timeout(patience)
        .send()
        .and_then(|response| response.error_for_status()?.bytes())
        .map_err(|e| format!("the network does not answer: {e}"))?;
    let status: Status = serde_cbor::from_slice(&status)
        .map_err(|e| format!("the network's status is not readable: {e}"))?;
    Ok(status.root_key.into_vec())
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
