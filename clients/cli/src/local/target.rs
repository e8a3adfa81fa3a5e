//! The file that a download makes. It gets its name only when it is complete.

use crate::local::error::LocalError;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The path for a memory named `name`: `to`, a file in the folder `to`, or a file in this folder.
///
/// An existing file is an error unless `force`.
pub fn target(name: &str, to: Option<&Path>, force: bool) -> Result<PathBuf, LocalError> {
    let path = match to {
        Some(path) if path.is_dir() => path.join(safe_name(name)?),
        Some(path) => path.to_path_buf(),
        None => PathBuf::from(safe_name(name)?),
    };
    match path.exists() && !force {
        true => Err(LocalError::Exists { path }),
        false => Ok(path),
    }
}

/// The last part of a name, which a stranger may have chosen, as the name of a file in one folder.
fn safe_name(name: &str) -> Result<&str, LocalError> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    match last {
        "" | "." | ".." => Err(file_name(name)),
        last if last.contains('\0') => Err(file_name(name)),
        last => Ok(last),
    }
}

fn file_name(name: &str) -> LocalError {
    LocalError::FileName {
        name: name.to_string(),
    }
}

/// An incomplete download, beside its final path. Dropping it removes it, also after Ctrl-C.
pub struct Part(PathBuf);

impl Part {
    pub fn of(path: &Path) -> Result<Self, LocalError> {
        let name = path
            .file_name()
            .ok_or_else(|| file_name(&path.to_string_lossy()))?;
        let mut part = OsString::from(".");
        part.push(name);
        part.push(format!(".part-{}", std::process::id()));
        Ok(Self(path.with_file_name(part)))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // a complete file has its final name by now; an error here would hide the download's own
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        assert_eq!(safe_name("a.jpg").unwrap(), "a.jpg");
        assert_eq!(safe_name("../../etc/passwd").unwrap(), "passwd");
        assert_eq!(safe_name("C:\\photos\\a.jpg").unwrap(), "a.jpg");
        for bad in ["", "..", "a/..", "a/", "a\0b"] {
            assert!(safe_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_existing_file_is_replaced_only_by_force() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.jpg");
        let to = Some(folder.path());
        assert_eq!(target("a.jpg", to, false).unwrap(), path);
        std::fs::write(&path, "old").unwrap();
        let error = target("a.jpg", to, false).unwrap_err();
        assert!(matches!(error, LocalError::Exists { .. }), "{error}");
        assert_eq!(target("a.jpg", to, true).unwrap(), path);
    }

    #[test]
    fn a_dropped_part_is_gone() {
        let folder = tempfile::TempDir::new().unwrap();
        let part = Part::of(&folder.path().join("a.jpg")).unwrap();
        let path = part.path().to_path_buf();
        std::fs::write(&path, "half").unwrap();
        drop(part);
        assert!(!path.exists());
    }
}
