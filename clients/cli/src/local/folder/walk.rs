//! The files below a folder, in the order of their names.

use crate::local::folder::error::Reason;
use crate::local::folder::exclude::Exclude;
use std::fs::FileType;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Which files count.
#[derive(Debug, Default)]
pub struct Choice {
    /// Symbolic links count as what they lead to.
    pub follow: bool,
    /// Hidden files and folders count.
    pub all: bool,
    /// Names and paths that don't count, with all below them.
    pub exclude: Exclude,
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// The path below the folder.
    pub relative: PathBuf,
    pub bytes: u64,
}

/// Something below the folder that can't be sent.
#[derive(Debug)]
pub struct Skipped {
    pub path: PathBuf,
    pub reason: Reason,
}

/// The files below a folder.
#[derive(Debug, Default)]
pub struct Walked {
    pub files: Vec<Found>,
    pub skipped: Vec<Skipped>,
}

/// Finds the files below `folder`. Hidden and excluded files aren't reported at all.
pub fn walk(folder: &Path, choice: &Choice) -> Walked {
    let mut walked = Walked::default();
    let entries = WalkDir::new(folder)
        .min_depth(1)
        .follow_links(choice.follow)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| choice.takes(entry, relative(folder, entry.path())));
    for entry in entries {
        match entry {
            Ok(entry) => visit(folder, &entry, &mut walked),
            Err(error) => skip_unreadable(folder, error, choice, &mut walked),
        }
    }
    walked
}

fn visit(folder: &Path, entry: &DirEntry, walked: &mut Walked) {
    let path = entry.path().to_path_buf();
    let kind = entry.file_type();
    if kind.is_dir() {
        return;
    }
    let skipped = |path, reason| Skipped { path, reason };
    if !kind.is_file() {
        let reason = match kind.is_symlink() {
            true => Reason::Link,
            false => Reason::Kind(name(kind)),
        };
        return walked.skipped.push(skipped(path, reason));
    }
    match entry.metadata() {
        Ok(metadata) if metadata.len() == 0 => walked.skipped.push(skipped(path, Reason::Empty)),
        Ok(metadata) => walked.files.push(Found {
            relative: relative(folder, &path).to_path_buf(),
            bytes: metadata.len(),
            path,
        }),
        Err(error) => {
            let reason = Reason::Unreadable(io_error(error));
            walked.skipped.push(skipped(path, reason));
        }
    }
}

/// Reports what can't be read, unless it doesn't count: a broken link has no entry to be filtered.
fn skip_unreadable(folder: &Path, error: walkdir::Error, choice: &Choice, walked: &mut Walked) {
    let path = error.path().unwrap_or(folder).to_path_buf();
    let is_folder = error.loop_ancestor().is_some();
    if !choice.takes_path(relative(folder, &path), is_folder) {
        return;
    }
    let reason = match error.loop_ancestor() {
        Some(ancestor) => Reason::Circle(ancestor.to_path_buf()),
        None => Reason::Unreadable(io_error(error)),
    };
    walked.skipped.push(Skipped { path, reason });
}

fn io_error(error: walkdir::Error) -> io::Error {
    error
        .into_io_error()
        .unwrap_or_else(|| io::Error::other("a folder contains itself"))
}

fn relative<'a>(folder: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(folder).unwrap_or(path)
}

impl Choice {
    fn takes(&self, entry: &DirEntry, relative: &Path) -> bool {
        self.takes_path(relative, entry.file_type().is_dir())
            && (self.all || !hidden_by_system(entry))
    }

    fn takes_path(&self, relative: &Path, is_folder: bool) -> bool {
        let name = relative.file_name().unwrap_or_default().as_encoded_bytes();
        (self.all || !name.starts_with(b".")) && !self.exclude.matches(relative, is_folder)
    }
}

#[cfg(not(windows))]
fn hidden_by_system(_: &DirEntry) -> bool {
    false
}

#[cfg(windows)]
fn hidden_by_system(entry: &DirEntry) -> bool {
    use std::os::windows::fs::MetadataExt;
    const FILE_ATTRIBUTE_HIDDEN: u32 = 2;
    let hidden = |metadata: std::fs::Metadata| metadata.file_attributes() & FILE_ATTRIBUTE_HIDDEN;
    entry.metadata().is_ok_and(|metadata| hidden(metadata) != 0)
}

#[cfg(unix)]
fn name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "a special file",
    }
}

#[cfg(not(unix))]
fn name(_: FileType) -> &'static str {
    "a special file"
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn folder(files: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "abc").unwrap();
        }
        folder
    }

    fn exclude(patterns: &[&str]) -> Exclude {
        let parsed = patterns.iter().map(|pattern| pattern.parse().unwrap());
        Exclude::new(parsed.collect())
    }

    fn found(folder: &TempDir, choice: &Choice) -> Vec<String> {
        let walked = walk(folder.path(), choice);
        let name = |file: &Found| file.relative.to_str().unwrap().to_string();
        walked.files.iter().map(name).collect()
    }

    fn skipped(folder: &TempDir, choice: &Choice) -> Vec<String> {
        let walked = walk(folder.path(), choice);
        let text = |skipped: &Skipped| {
            let path = skipped.path.strip_prefix(folder.path()).unwrap();
            format!("{} {}", path.display(), skipped.reason)
        };
        walked.skipped.iter().map(text).collect()
    }

    #[test]
    fn all_files_below_come_in_order() {
        let folder = folder(&["b.txt", "a/z.txt", "a/b/c/d.txt", "a.txt"]);
        let choice = Choice::default();
        assert_eq!(
            found(&folder, &choice),
            ["a/b/c/d.txt", "a/z.txt", "a.txt", "b.txt"]
        );
        let file = &walk(folder.path(), &choice).files[0];
        assert_eq!(file.path, folder.path().join("a/b/c/d.txt"));
        assert_eq!(file.bytes, 3);
        assert!(walk(folder.path(), &choice).skipped.is_empty());
    }

    #[test]
    fn hidden_files_count_only_if_all_do() {
        let folder = folder(&[".hidden", "a/.x/b.txt", "a/c.txt", "c.hidden"]);
        assert_eq!(found(&folder, &Choice::default()), ["a/c.txt", "c.hidden"]);
        let all = Choice {
            all: true,
            ..Choice::default()
        };
        assert_eq!(
            found(&folder, &all),
            [".hidden", "a/.x/b.txt", "a/c.txt", "c.hidden"]
        );
    }

    /// The folder that the user named counts, whatever it is called.
    #[test]
    fn a_hidden_folder_that_is_named_counts() {
        let folder = folder(&[".hidden/a.txt"]);
        let walked = walk(&folder.path().join(".hidden"), &Choice::default());
        assert_eq!(walked.files.len(), 1);
    }

    #[test]
    fn excluded_folders_are_left_out_with_all_below() {
        let folder = folder(&["keep/a.txt", "cache/b.txt", "keep/cache/c.txt", "d.tmp"]);
        let choice = Choice {
            exclude: exclude(&["cache/", "*.tmp"]),
            ..Choice::default()
        };
        assert_eq!(found(&folder, &choice), ["keep/a.txt"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_reported() {
        let walked = walk(Path::new("/nowhere/at/all"), &Choice::default());
        assert!(walked.files.is_empty());
        let reason = &walked.skipped[0].reason;
        assert!(matches!(reason, Reason::Unreadable(_)), "{reason}");
    }

    #[test]
    fn an_empty_file_is_no_memory() {
        let folder = folder(&["a.txt"]);
        std::fs::write(folder.path().join("empty"), "").unwrap();
        let expected = ["empty is empty, expected at least 1 byte"];
        assert_eq!(skipped(&folder, &Choice::default()), expected);
        assert_eq!(found(&folder, &Choice::default()), ["a.txt"]);
    }

    #[cfg(unix)]
    mod unix {
        use super::*;
        use std::os::unix::fs::symlink;

        fn follow() -> Choice {
            Choice {
                follow: true,
                ..Choice::default()
            }
        }

        #[test]
        fn links_are_reported_or_followed() {
            let (folder, other) = (folder(&["a.txt"]), folder(&["x/y.txt"]));
            symlink(folder.path().join("a.txt"), folder.path().join("file")).unwrap();
            symlink(other.path(), folder.path().join("folder")).unwrap();
            let choice = Choice::default();
            assert_eq!(found(&folder, &choice), ["a.txt"]);
            let text = "is a symbolic link, expected --follow to send what it leads to";
            let expected = [format!("file {text}"), format!("folder {text}")];
            assert_eq!(skipped(&folder, &choice), expected);
            assert_eq!(
                found(&folder, &follow()),
                ["a.txt", "file", "folder/x/y.txt"]
            );
            assert!(skipped(&folder, &follow()).is_empty());
        }

        #[test]
        fn a_circle_of_links_ends() {
            let folder = folder(&["a/b.txt"]);
            symlink(folder.path(), folder.path().join("a/up")).unwrap();
            symlink("self", folder.path().join("self")).unwrap();
            assert_eq!(found(&folder, &follow()), ["a/b.txt"]);
            let skipped = skipped(&folder, &follow());
            let circle = format!("a/up leads back to {}", folder.path().display());
            assert!(skipped[0].starts_with(&circle), "{skipped:?}");
            assert!(skipped[0].ends_with("expected a link that leads elsewhere"));
            assert!(skipped[1].starts_with("self cannot be read"), "{skipped:?}");
            assert_eq!(skipped.len(), 2);
            let exclude = exclude(&["up/"]);
            let skipped = walk(
                folder.path(),
                &Choice {
                    exclude,
                    ..follow()
                },
            )
            .skipped;
            assert_eq!(skipped.len(), 1);
        }

        #[test]
        fn a_broken_link_is_reported_unless_it_is_excluded() {
            let folder = folder(&["a.txt"]);
            symlink("nowhere", folder.path().join("broken")).unwrap();
            let skipped = |choice: &Choice| walk(folder.path(), choice).skipped.len();
            assert_eq!(skipped(&follow()), 1);
            assert_eq!(skipped(&Choice::default()), 1);
            for follow in [false, true] {
                let exclude = exclude(&["bro*"]);
                let choice = Choice {
                    follow,
                    all: false,
                    exclude,
                };
                assert_eq!(skipped(&choice), 0);
            }
        }

        #[test]
        fn what_is_no_file_is_named_and_never_opened() {
            let folder = folder(&["a.txt"]);
            let path = folder.path().join("socket");
            let _socket = std::os::unix::net::UnixListener::bind(path).unwrap();
            let expected = "socket is a socket, expected a regular file or a folder";
            assert_eq!(skipped(&folder, &Choice::default()), [expected]);
            assert_eq!(found(&folder, &Choice::default()), ["a.txt"]);
        }

        // other systems have no such names
        #[cfg(target_os = "linux")]
        #[test]
        fn names_that_are_no_text_are_found() {
            use std::os::unix::ffi::OsStrExt;
            let folder = TempDir::new().unwrap();
            let names = [b"caf\xe8".as_slice(), b"caf\xe9", b"caf\xea"];
            for name in names {
                std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), "a").unwrap();
            }
            let files = walk(folder.path(), &Choice::default()).files;
            let found = files
                .iter()
                .map(|file| file.relative.as_os_str().as_bytes());
            assert_eq!(found.collect::<Vec<_>>(), names);
        }
    }
}
