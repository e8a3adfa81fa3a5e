//! The file that keeps what came into a network from outside.
//!
//! The network is deterministic, so the same events in the same order lead to the same state. A
//! killed process loses nothing that it answered: only a record that it was still writing is
//! dropped. The file is not synced, so a machine that fails may lose more.
//!
//! Layout: records, each a length (4 bytes, little-endian) and that many bytes of CBOR. The first
//! record is the header.

use super::event::Event;
use crate::replica::NetworkConfig;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Changes when this version can't continue older journals any more.
const FORMAT: u32 = 1;
const NAME: &str = "journal";
/// How long to wait for a process that still holds the folder: a killed process needs a moment to
/// end.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two attempts to lock: the system reports no event when a lock becomes free.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// The longest record in bytes. The largest ones hold a whole stable memory.
const MAX_RECORD_BYTES: u32 = u32::MAX;

/// The first record.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    config: NetworkConfig,
}

/// An open journal, positioned at its end.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes of whole records.
    length: u64,
    /// Whether a part of a record may lie behind the whole ones.
    torn: bool,
}

/// A journal and its contents.
pub struct Opened {
    pub journal: Journal,
    pub config: NetworkConfig,
    pub events: Events,
}

/// Reads the records of a journal from its beginning.
pub struct Events {
    reader: BufReader<File>,
    /// Bytes of whole records so far.
    length: u64,
}

impl Journal {
    /// Opens the journal in `folder`, or begins one for a network with this configuration.
    ///
    /// # Errors
    ///
    /// Fails if another process holds the folder, if the journal has another format, or if the file
    /// system fails.
    pub fn open(folder: &Path, config: NetworkConfig) -> Result<Opened, String> {
        let path = folder.join(NAME);
        let about = |e: std::io::Error| format!("{}: {e}", path.display());
        std::fs::create_dir_all(folder).map_err(about)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(about)?;
        lock(&file, LOCK_PATIENCE).map_err(|e| match e {
            TryLockError::WouldBlock => {
                format!("{} is in use by another process", path.display())
            }
            TryLockError::Error(e) => about(e),
        })?;
        let reader = BufReader::new(file.try_clone().map_err(about)?);
        let mut events = Events { reader, length: 0 };
        let mut journal = Self {
            path: path.clone(),
            file,
            length: 0,
            torn: false,
        };
        let config = match events.record().map_err(about)? {
            Some(bytes) => {
                serde_cbor::from_slice::<Header>(&bytes)
                    .ok()
                    .filter(|header| header.format == FORMAT)
                    .ok_or_else(|| format!("{} is no journal of format {FORMAT}", path.display()))?
                    .config
            }
            None => {
                // an incomplete header is discarded
                journal.cut()?;
                let header = Header {
                    format: FORMAT,
                    config,
                };
                journal.write(&header)?;
                header.config
            }
        };
        Ok(Opened {
            journal,
            config,
            events,
        })
    }

    /// Continues after the last whole record.
    pub fn continue_after(&mut self, events: Events) -> Result<(), String> {
        self.length = self.length.max(events.length);
        self.cut()
    }

    /// Appends a record. After an error the journal is as before, and a later record may succeed.
    ///
    /// # Errors
    ///
    /// Names the file and says why it can't be written.
    pub fn append(&mut self, event: &Event) -> Result<(), String> {
        self.write(event)
    }

    fn write(&mut self, record: &impl Serialize) -> Result<(), String> {
        let bytes = serde_cbor::to_vec(record).map_err(|e| e.to_string())?;
        let length = u32::try_from(bytes.len()).map_err(|_| {
            format!(
                "a journal record has {} bytes, expected at most {MAX_RECORD_BYTES}",
                bytes.len()
            )
        })?;
        let whole = [&length.to_le_bytes()[..], &bytes].concat();
        if self.torn {
            self.cut()?;
        }
        self.torn = true;
        if let Err(e) = self.file.write_all(&whole) {
            let path = self.path.display();
            let failed = format!("cannot write the journal {path}: {e}");
            // A cut that fails is tried again before the next record.
            let _ = self.cut();
            return Err(failed);
        }
        self.torn = false;
        self.length += whole.len() as u64;
        Ok(())
    }

    /// Removes everything after the last whole record.
    fn cut(&mut self) -> Result<(), String> {
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
            .map_err(|e| {
                let path = self.path.display();
                format!("cannot cut the journal {path} to its whole records: {e}")
            })?;
        self.torn = false;
        Ok(())
    }
}

/// Locks the file for this process. Waits up to `patience` for another one that holds it.
fn lock(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                std::thread::sleep(LOCK_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

impl Events {
    /// The next event, or `None` at the end of the whole records.
    pub fn next_event(&mut self) -> Result<Option<Event>, String> {
        let record = self
            .record()
            .map_err(|e| format!("cannot read the journal: {e}"))?;
        record
            .map(|bytes| serde_cbor::from_slice(&bytes))
            .transpose()
            .map_err(|e| format!("cannot decode a record of the journal: {e}"))
    }

    fn record(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut head = [0; 4];
        if !fill(&mut self.reader, &mut head)? {
            return Ok(None);
        }
        let mut bytes = vec![];
        let wanted = u64::from(u32::from_le_bytes(head));
        self.reader.by_ref().take(wanted).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < wanted {
            return Ok(None);
        }
        self.length += 4 + wanted;
        Ok(Some(bytes))
    }
}

/// Fills `bytes`. Returns false if the reader ends before.
fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long the test waits for the lock. It only turns a hang into a failure.
    const HANG: Duration = Duration::from_secs(300);

    #[test]
    fn a_file_in_use_is_refused_or_awaited() {
        let folder = tempfile::tempdir().expect("is made");
        let path = folder.path().join(NAME);
        let holder = File::create(&path).expect("is made");
        lock(&holder, Duration::ZERO).expect("is free");
        let waiting = File::open(&path).expect("is there");
        let refused = lock(&waiting, Duration::ZERO);
        assert!(matches!(refused, Err(TryLockError::WouldBlock)));
        let waiter = std::thread::spawn(move || lock(&waiting, HANG));
        drop(holder);
        waiter.join().expect("passes").expect("becomes free");
    }
}
