//! The files that a capsule has of a folder, and those that it lacks: by path and SHA-256.

use crate::local::folder::key::{key_of, normalized};
use crate::local::folder::name::Rules;
use crate::local::folder::place::{Wanted, places};
use crate::local::folder::walk::Found;
use capsule_shared::memory_index::MemoryHeader;
use std::collections::HashMap;
use std::path::Path;

/// A memory, as a list of a capsule shows it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub memory: String,
    pub blob: String,
    pub path: Option<String>,
    pub name: String,
    pub bytes: u64,
    pub sha256: Vec<u8>,
}

impl From<MemoryHeader> for Listed {
    fn from(header: MemoryHeader) -> Self {
        Self {
            memory: header.id,
            blob: header.blob_id,
            path: header.path,
            name: header.name,
            bytes: header.size,
            sha256: header.sha256.into_vec(),
        }
    }
}

impl Listed {
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            memory: &self.memory,
            path: self.path.as_deref(),
            name: &self.name,
        }
    }
}

/// The memories of a capsule by their paths.
#[derive(Debug)]
pub struct Contents {
    memories: Vec<Listed>,
    /// Indexes of `memories` by key, the newest last.
    by_key: HashMap<String, Vec<usize>>,
}

impl Contents {
    /// `memories` are in the order of upload.
    ///
    /// A memory is also at the path where a download of the capsule writes it. A folder that was
    /// made by a download therefore lacks nothing.
    pub fn new(memories: Vec<Listed>, rules: Rules) -> Self {
        let wanted: Vec<Wanted<'_>> = memories.iter().map(Listed::wanted).collect();
        let written = places(&wanted, rules);
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, (wanted, written)) in wanted.iter().zip(&written).enumerate() {
            let said = normalized(wanted.text());
            let written = key_of(written);
            if written != said {
                by_key.entry(written).or_default().push(index);
            }
            by_key.entry(said).or_default().push(index);
        }
        Self { memories, by_key }
    }

    /// The newest memory at a path with these bytes.
    pub fn find(&self, relative: &Path, sha256: &[u8; 32]) -> Option<&Listed> {
        self.at(relative).find(|memory| memory.sha256 == sha256)
    }

    /// Whether the bytes of a file decide about it. Its length says enough in many cases.
    pub fn may_have(&self, relative: &Path, bytes: u64) -> bool {
        self.at(relative).any(|memory| memory.bytes == bytes)
    }

    /// The memories at a path, the newest first.
    fn at(&self, relative: &Path) -> impl Iterator<Item = &Listed> {
        let indexes = self.by_key.get(&key_of(relative));
        let indexes = indexes.into_iter().flatten().rev();
        indexes.map(|index| &self.memories[*index])
    }
}

/// The work for each file of a folder.
#[derive(Debug)]
pub struct Plan<'a, E> {
    /// Files that the capsule lacks.
    pub send: Vec<&'a Found>,
    /// Files that the capsule has, each with its memory.
    pub there: Vec<(&'a Found, &'a Listed)>,
    /// Files that can't be read.
    pub failed: Vec<(&'a Found, E)>,
}

/// Compares the files of a folder with a capsule. `hash` gives the SHA-256 of a file.
pub fn plan<'a, E>(
    files: &'a [Found],
    contents: &'a Contents,
    mut hash: impl FnMut(&Found) -> Result<[u8; 32], E>,
) -> Plan<'a, E> {
    let mut plan = Plan {
        send: Vec::new(),
        there: Vec::new(),
        failed: Vec::new(),
    };
    for file in files {
        if !contents.may_have(&file.relative, file.bytes) {
            plan.send.push(file);
            continue;
        }
        match hash(file) {
            Ok(sha256) => match contents.find(&file.relative, &sha256) {
                Some(memory) => plan.there.push((file, memory)),
                None => plan.send.push(file),
            },
            Err(error) => plan.failed.push((file, error)),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::convert::Infallible;
    use std::path::PathBuf;

    const LINUX: Rules = Rules {
        windows: false,
        fold_case: false,
    };

    /// A file whose content is one byte, repeated.
    fn file(relative: impl Into<PathBuf>, content: u8) -> Found {
        let relative = relative.into();
        Found {
            path: Path::new("/folder").join(&relative),
            bytes: u64::from(content) + 1,
            relative,
        }
    }

    fn content(file: &Found) -> Result<[u8; 32], Infallible> {
        Ok([file.bytes as u8 - 1; 32])
    }

    fn listed(number: usize, path: Option<&str>, name: &str, content: u8) -> Listed {
        Listed {
            memory: format!("mem_{number}"),
            blob: format!("blob_{number}"),
            path: path.map(str::to_string),
            name: name.to_string(),
            bytes: u64::from(content) + 1,
            sha256: vec![content; 32],
        }
    }

    fn to_send(files: &[Found], memories: Vec<Listed>) -> Vec<String> {
        let contents = Contents::new(memories, LINUX);
        let plan = plan(files, &contents, content);
        assert_eq!(plan.send.len() + plan.there.len(), files.len());
        let name = |file: &&Found| file.relative.to_str().unwrap().to_string();
        plan.send.iter().map(name).collect()
    }

    #[test]
    fn a_file_is_there_if_path_and_bytes_are() {
        let files = [file("a/x", 1), file("a/y", 2), file("b", 3), file("c", 4)];
        let memories = vec![
            listed(1, Some("a/x"), "x", 1),
            listed(2, Some("a/z"), "y", 2),
            listed(3, None, "b", 3),
            listed(4, Some("c"), "c", 5),
        ];
        assert_eq!(to_send(&files, memories), ["a/y", "c"]);
    }

    #[test]
    fn an_older_version_at_the_path_counts() {
        let memories = vec![
            listed(1, Some("a"), "a", 1),
            listed(2, Some("a"), "a", 2),
            listed(3, Some("/a"), "a", 2),
        ];
        let contents = Contents::new(memories, LINUX);
        let found = |content| {
            let found = contents.find(Path::new("a"), &[content; 32]);
            found.map(|listed| listed.memory.as_str())
        };
        assert_eq!(found(1), Some("mem_1"));
        assert_eq!(found(2), Some("mem_3"));
        assert_eq!(found(3), None);
    }

    #[test]
    fn only_a_file_of_the_same_length_is_read() {
        let files = [file("a", 1), file("b", 2), file("c", 3)];
        let memories = vec![listed(1, Some("a"), "a", 9), listed(2, Some("b"), "b", 2)];
        let contents = Contents::new(memories, LINUX);
        let mut read = Vec::new();
        let plan = plan(&files, &contents, |file| {
            read.push(file.relative.clone());
            Err("cannot be read")
        });
        assert_eq!(read, [Path::new("b")]);
        assert_eq!(plan.send, [&files[0], &files[2]]);
        assert_eq!(plan.failed, [(&files[1], "cannot be read")]);
    }

    proptest! {
        /// After a second run nothing is missing, whatever is in the capsule.
        #[test]
        fn what_was_sent_is_there(
            mut paths in prop::collection::hash_set(
                "[ab/]{1,3}|[\u{FFFD}E9\\\\CON\n.]{1,4}", 0..12,
            ),
            contents in prop::collection::vec(0..3u8, 12),
            foreign in prop::collection::vec(("[ab/.\\\\]{0,3}", 0..3u8), 0..8),
        ) {
            let mut seen = HashSet::new();
            paths.retain(|path| {
                let key = key_of(Path::new(path));
                !key.is_empty() && seen.insert(key)
            });
            let files: Vec<Found> = paths.iter().zip(contents).map(|(p, c)| file(p, c)).collect();
            let mut memories: Vec<Listed> = foreign
                .iter()
                .enumerate()
                .map(|(n, (path, c))| listed(n, Some(path), "name", *c))
                .collect();
            let sent = to_send(&files, memories.clone());
            let is_sent = |file: &&Found| sent.iter().any(|path| file.relative == Path::new(path));
            for file in files.iter().filter(is_sent) {
                let number = memories.len();
                let key = key_of(&file.relative);
                memories.push(listed(number, Some(&key), "name", file.bytes as u8 - 1));
            }
            prop_assert!(to_send(&files, memories).is_empty());
        }

        /// A folder that a download of the capsule made lacks nothing and adds nothing.
        #[test]
        fn a_downloaded_capsule_is_there(
            remote in prop::collection::vec(("[abA/.\\\\\n]{0,4}|CON|\\PC{0,4}", 0..3u8), 0..12),
            windows: bool,
        ) {
            let rules = Rules { windows, fold_case: windows };
            let memories: Vec<Listed> = remote
                .iter()
                .enumerate()
                .map(|(n, (path, c))| listed(n, Some(path), "name", *c))
                .collect();
            let wanted: Vec<Wanted<'_>> = memories.iter().map(Listed::wanted).collect();
            let written = places(&wanted, rules);
            let files: Vec<Found> = written
                .into_iter()
                .zip(&memories)
                .map(|(place, memory)| file(place, memory.bytes as u8 - 1))
                .collect();
            let contents = Contents::new(memories.clone(), rules);
            let plan = plan(&files, &contents, content);
            prop_assert!(plan.send.is_empty(), "{:?}", plan.send);
        }
    }
}
