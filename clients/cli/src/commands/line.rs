//! The result of one file, as JSON. All results of one command have the same fields.

use crate::local::exact::put_name;
use crate::local::folder::walk::Found;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;

/// A file of an upload, whether it was sent, is there already, or would be sent.
pub struct UploadLine<'a> {
    /// The absolute path without symbolic links.
    pub file: &'a Path,
    /// The last part of the path as the user wrote it.
    pub name: &'a OsStr,
    /// The path in its folder.
    pub path: Option<&'a str>,
    pub bytes: u64,
    /// `None` if it is not known, because nothing was sent.
    pub sha256: Option<&'a [u8]>,
    pub memory: Option<&'a str>,
    pub blob: Option<&'a str>,
    pub session: Option<u64>,
    pub sent_chunks: usize,
    /// The name in the capsule, if the capsule has the file already.
    pub stored_as: Option<&'a str>,
}

impl<'a> UploadLine<'a> {
    /// A file of a folder of which nothing is sent, as far as the disk tells it.
    pub fn unsent(file: &'a Found, absolute: &'a Path, key: &'a str) -> Self {
        Self {
            file: absolute,
            name: file.path.file_name().unwrap_or(file.path.as_os_str()),
            path: Some(key),
            bytes: file.bytes,
            sha256: None,
            memory: None,
            blob: None,
            session: None,
            sent_chunks: 0,
            stored_as: None,
        }
    }

    pub fn json(&self) -> Value {
        let mut value = json!({
            "memory": self.memory,
            "blob": self.blob,
            "session": self.session,
            "bytes": self.bytes,
            "chunks": self.bytes.div_ceil(MAX_CHUNK_BYTES as u64),
            "sent_chunks": self.sent_chunks,
            "sha256": self.sha256.map(hex::encode),
            "already_there": self.stored_as.is_some(),
            "stored_as": self.stored_as,
        });
        put_name(&mut value, "file", self.file.as_os_str());
        put_name(&mut value, "name", self.name);
        if let Some(path) = self.path {
            value["path"] = path.into();
        }
        value
    }
}

/// A memory whose bytes are in a file now, or were compared.
pub struct DownloadLine<'a> {
    pub memory: &'a str,
    /// `None` for standard output and for a comparison with the index alone.
    pub file: Option<&'a Path>,
    pub bytes: u64,
    pub sha256: &'a [u8],
    pub received_chunks: u32,
    /// Whether the network certified the SHA-256.
    pub proven: bool,
    pub already_there: bool,
}

impl DownloadLine<'_> {
    pub fn json(&self) -> Value {
        let mut value = json!({
            "memory": self.memory,
            "file": null,
            "bytes": self.bytes,
            "sha256": hex::encode(self.sha256),
            "received_chunks": self.received_chunks,
            "already_there": self.already_there,
            "verified": true,
            "proven": self.proven,
        });
        if let Some(file) = self.file {
            put_name(&mut value, "file", file.as_os_str());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_sent_has_chunks_and_no_hash() {
        let found = Found {
            path: "photos/a".into(),
            relative: "a".into(),
            bytes: MAX_CHUNK_BYTES as u64 + 1,
        };
        let line = UploadLine::unsent(&found, Path::new("/photos/a"), "a").json();
        assert_eq!(line["chunks"], 2);
        assert_eq!(line["sha256"], Value::Null);
    }
}
