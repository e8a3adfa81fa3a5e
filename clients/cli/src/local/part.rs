//! An incomplete download, beside its final path.
//!
//! Its name follows from the memory, so a later download of the same memory finds what a killed one
//! left. A lock tells whether the other one still lives. Dropping a part removes it.

use crate::local::error::LocalError;
use same_file::Handle;
use sha2::{Digest, Sha256};
use std::fs::{File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempPath;

/// The most downloads of one memory into one folder at once.
const MAX_PARTS: u32 = 64;

/// An open part, which belongs to this process.
pub struct Part {
    /// Where the bytes go when they are complete.
    target: PathBuf,
    /// Removes the file when it is dropped. `None` once it has its final name.
    path: TempPath,
    file: File,
}

impl Part {
    /// Opens the part of the content `name` in the folder of `target`: an old one, or a new one.
    pub fn open(target: &Path, name: &str) -> Result<Self, LocalError> {
        let about = |error| LocalError::Write {
            path: target.to_path_buf(),
            error,
        };
        let digest = hex::encode(&Sha256::digest(name)[..8]);
        for number in 0..MAX_PARTS {
            let part = target.with_file_name(format!(".capsule-{digest}-{number}.part"));
            // before the file exists, so that no failure leaves it behind
            let path = std::path::absolute(&part).map_err(about)?;
            if let Some(file) = own(&path).map_err(about)? {
                let path = TempPath::try_from_path(path).map_err(about)?;
                let target = target.to_path_buf();
                return Ok(Self { target, path, file });
            }
        }
        Err(about(io::Error::other(format!(
            "{MAX_PARTS} downloads of it run in this folder"
        ))))
    }

    /// Another handle of the file, for reading and writing from its beginning.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Sets when the file was modified last.
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.file.set_modified(time)
    }

    /// Gives the complete file its final name, at once. It replaces a file only if `replace`, and
    /// never anything else, such as a link that appeared meanwhile.
    pub fn finish(self, replace: bool) -> Result<(), LocalError> {
        let Self { target, path, file } = self;
        if replace && let Ok(old) = std::fs::symlink_metadata(&target) {
            if !old.is_file() {
                return Err(LocalError::NotReplaced { path: target });
            }
            keep_permissions(&file, old.permissions());
        }
        let named = match replace {
            true => path.persist(&target),
            false => path.persist_noclobber(&target),
        };
        match named {
            Ok(()) => Ok(()),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                Err(LocalError::Exists { path: target })
            }
            Err(error) => Err(LocalError::Write {
                path: target,
                error: error.error,
            }),
        }
    }
}

/// A replaced file may be private, so the new one gets its permissions. A file system without
/// permissions has nothing to keep.
fn keep_permissions(file: &File, permissions: Permissions) {
    let _ = file.set_permissions(permissions);
}

/// Opens a part that no other process writes. `None` if one does.
fn own(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let (file, new) = match options.clone().create_new(true).open(path) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Something else of this name, such as a link, is not ours.
            match std::fs::symlink_metadata(path) {
                Ok(metadata) if metadata.is_file() => {}
                _ => return Ok(None),
            }
            match options.open(path) {
                Ok(file) if is_ours(&file.metadata()?) => (file, false),
                _ => return Ok(None),
            }
        }
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // Without locks, only a new file is certainly nobody else's.
        Err(TryLockError::Error(_)) if new => return Ok(Some(file)),
        Err(TryLockError::Error(_)) => return Ok(None),
    }
    // The process that had the lock may have given the file its final name meanwhile.
    let same = Handle::from_path(path)
        .and_then(|there| Ok(there == Handle::from_file(file.try_clone()?)?))
        .unwrap_or(false);
    Ok(same.then_some(file))
}

/// Whether the user of this process owns a file. Another owner could change it at any time.
#[cfg(unix)]
fn is_ours(file: &Metadata) -> bool {
    // SAFETY: the call has no arguments and always succeeds.
    std::os::unix::fs::MetadataExt::uid(file) == unsafe { libc::geteuid() }
}

#[cfg(not(unix))]
fn is_ours(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn content(part: &Part) -> String {
        let mut text = String::new();
        part.file().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_dropped_part_is_gone() {
        let folder = tempfile::TempDir::new().unwrap();
        let part = Part::open(&folder.path().join("a.jpg"), "mem_1").unwrap();
        part.file().unwrap().write_all(b"half").unwrap();
        assert_eq!(names(folder.path()).len(), 1);
        drop(part);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_part_of_the_longest_name_fits_in_its_folder() {
        let folder = tempfile::TempDir::new().unwrap();
        let target = folder.path().join("n".repeat(255));
        Part::open(&target, "mem_1").unwrap().finish(false).unwrap();
        assert_eq!(names(folder.path()), ["n".repeat(255)]);
    }

    #[test]
    fn a_killed_download_leaves_its_part_to_the_next_and_a_living_one_keeps_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let target = folder.path().join("a.jpg");
        let killed = Part::open(&target, "mem_1").unwrap();
        killed.file().unwrap().write_all(b"half").unwrap();
        // as SIGKILL does it: the lock goes, the file stays
        let Part { path, file, .. } = killed;
        path.keep().unwrap();
        drop(file);

        let next = Part::open(&target, "mem_1").unwrap();
        assert_eq!(content(&next), "half");
        let beside = Part::open(&folder.path().join("b.jpg"), "mem_1").unwrap();
        assert_eq!(content(&beside), "");
        let other = Part::open(&target, "mem_2").unwrap();
        assert_eq!(content(&other), "");
        assert_eq!(names(folder.path()).len(), 3);
        drop((next, beside, other));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_that_appeared_meanwhile_is_replaced_only_by_force() {
        let folder = tempfile::TempDir::new().unwrap();
        let target = folder.path().join("a.jpg");
        for replace in [false, true] {
            let part = Part::open(&target, "mem_1").unwrap();
            part.file().unwrap().write_all(b"new").unwrap();
            std::fs::write(&target, "old").unwrap();
            let finished = part.finish(replace);
            match replace {
                true => finished.unwrap(),
                false => assert!(matches!(finished, Err(LocalError::Exists { .. }))),
            }
            let expected = if replace { "new" } else { "old" };
            assert_eq!(std::fs::read_to_string(&target).unwrap(), expected);
            assert_eq!(names(folder.path()), ["a.jpg"]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_appeared_meanwhile_and_is_no_file_is_never_replaced() {
        let folder = tempfile::TempDir::new().unwrap();
        let inside = |name: &str| folder.path().join(name);
        std::fs::create_dir(inside("folder")).unwrap();
        std::os::unix::fs::symlink("folder", inside("link")).unwrap();
        std::os::unix::fs::symlink("nothing", inside("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(inside("socket")).unwrap();
        for name in ["folder", "link", "dangling", "socket"] {
            let before = std::fs::symlink_metadata(inside(name)).unwrap().file_type();
            let part = Part::open(&inside(name), "mem_1").unwrap();
            let error = part.finish(true).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, LocalError::NotReplaced { .. }), "{text}");
            let after = std::fs::symlink_metadata(inside(name)).unwrap().file_type();
            assert_eq!(after, before, "{name}");
        }
        let left = names(folder.path());
        assert_eq!(left, ["dangling", "folder", "link", "socket"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_leaves_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        let target = folder.path().join("key");
        std::fs::write(&target, "old").unwrap();
        std::fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        Part::open(&target, "mem_1").unwrap().finish(true).unwrap();
        let mode = std::fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// Only the superuser can give a file away. Every other user finds files of root.
    #[cfg(unix)]
    #[test]
    fn a_part_of_another_owner_is_left_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let target = folder.path().join("a.jpg");
        let foreign = Part::open(&target, "mem_1").unwrap();
        let Part { path, file, .. } = foreign;
        let path = path.keep().unwrap();
        drop(file);
        let ours = std::fs::metadata(&path).unwrap();
        assert!(is_ours(&ours));
        match std::os::unix::fs::chown(&path, Some(12_345), None) {
            Ok(()) => {
                let part = Part::open(&target, "mem_1").unwrap();
                assert_ne!(part.path.to_path_buf(), path);
            }
            Err(_) => assert!(!is_ours(&std::fs::metadata("/").unwrap())),
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_the_part_is_left_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let target = folder.path().join("a.jpg");
        let first = Part::open(&target, "mem_1").unwrap();
        let name = first.path.to_path_buf();
        drop(first);
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &name).unwrap();
        let part = Part::open(&target, "mem_1").unwrap();
        part.file().unwrap().write_all(b"bytes").unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    }
}
