//! What came into an instance from outside, in a file: whoever does the same again in the same order has the same state,
//! since the core is deterministic. A process that is killed loses nothing that it answered; a record that it was just
//! writing is dropped. (A machine that fails is another matter: the file is not synced.)

use super::live::Event;
use crate::replica::NetworkConfig;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Changes when old journals can't be continued any more.
const FORMAT: u32 = 1;
const NAME: &str = "journal";
/// How long a folder that is in use is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// No record is longer: the largest holds a stable memory that was set from outside.
const MAX_RECORD: u32 = u32::MAX;

/// The first record.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    config: NetworkConfig,
}

/// An open journal, at its end.
pub struct Journal {
    file: File,
    length: u64,
}

/// A journal and what is in it.
pub struct Opened {
    pub journal: Journal,
    pub config: NetworkConfig,
    pub events: Events,
}

/// The records of a journal from its beginning.
pub struct Events {
    reader: BufReader<File>,
    /// Bytes of whole records so far.
    length: u64,
}

impl Journal {
    /// Opens the journal in a folder, or begins one for a network of this kind.
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
        lock(&file).map_err(|e| match e {
            TryLockError::WouldBlock => {
                format!("{} is in use by another process", path.display())
            }
            TryLockError::Error(e) => about(e),
        })?;
        let reader = BufReader::new(file.try_clone().map_err(about)?);
        let mut events = Events { reader, length: 0 };
        let mut journal = Journal { file, length: 0 };
        let header = match events.record().map_err(about)? {
            Some(bytes) => serde_cbor::from_slice::<Header>(&bytes)
                .ok()
                .filter(|header| header.format == FORMAT)
                .ok_or_else(|| {
                    format!(
                        "{} is no journal of this version of localnet",
                        path.display()
                    )
                })?,
            None => {
                let header = Header {
                    format: FORMAT,
                    config,
                };
                // a beginning that was cut off is none
                journal.cut()?;
                journal.write(&header)?;
                return Ok(Opened {
                    config: header.config,
                    journal,
                    events,
                });
            }
        };
        Ok(Opened {
            config: header.config,
            journal,
            events,
        })
    }

    /// Goes on behind the last whole record.
    pub fn go_on_after(&mut self, events: Events) -> Result<(), String> {
        self.length = self.length.max(events.length);
        self.cut()
    }

    pub fn append(&mut self, event: &Event) -> Result<(), String> {
        self.write(event)
    }

    fn write(&mut self, record: &impl Serialize) -> Result<(), String> {
        let bytes = serde_cbor::to_vec(record).map_err(|e| e.to_string())?;
        let length = u32::try_from(bytes.len())
            .map_err(|_| format!("a record has at most {MAX_RECORD} bytes"))?;
        let whole = [&length.to_le_bytes()[..], &bytes].concat();
        if let Err(e) = self.file.write_all(&whole) {
            self.cut()?;
            return Err(format!("the journal cannot be written: {e}"));
        }
        self.length += whole.len() as u64;
        Ok(())
    }

    /// Takes away what is not a whole record.
    fn cut(&mut self) -> Result<(), String> {
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
            .map(|_| ())
            .map_err(|e| format!("the journal cannot be cut to its whole records: {e}"))
    }
}

/// Takes the file for this process. One that was killed a moment ago may still be about to end.
fn lock(file: &File) -> Result<(), TryLockError> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            outcome => return outcome,
        }
    }
}

impl Events {
    /// The next event; nothing at the end, or where the last record is not whole.
    pub fn next_event(&mut self) -> Result<Option<Event>, String> {
        let record = self
            .record()
            .map_err(|e| format!("the journal cannot be read: {e}"))?;
        record
            .map(|bytes| serde_cbor::from_slice(&bytes))
            .transpose()
            .map_err(|e| format!("the journal has a record that is not readable: {e}"))
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

/// Whether there were as many bytes.
fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}
