//! Where a download goes, decided before anything is read.

use crate::local::error::LocalError;
use crate::local::file_name::safe_name;
use crate::local::stdout::{check_writable, is_stdout};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The place of a download.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A pipe or a device of characters: it gets the bytes as they come and stays what it is.
    Stream(PathBuf),
    /// A file, which gets its name when it is complete.
    File {
        path: PathBuf,
        /// Whether a file of this name is replaced.
        replace: bool,
    },
}

/// The place for a memory named `name`: what `to` names, a file in the folder `to`, or a file in
/// this folder. `-` is standard output, as the names of its device are.
///
/// An existing file is an error unless `force`. Nothing but a regular file is ever replaced.
pub fn target(name: &str, to: Option<&Path>, force: bool) -> Result<Target, LocalError> {
    let Some(to) = to else {
        return checked(PathBuf::from(safe_name(name)?), force);
    };
    if is_stdout(to) {
        check_writable().map_err(|error| LocalError::Output { error })?;
        return Ok(Target::Stdout);
    }
    if to.is_dir() {
        return checked(to.join(safe_name(name)?), force);
    }
    if names_a_folder(to) {
        let path = to.to_path_buf();
        return Err(LocalError::NoFolder {
            folder: path.clone(),
            path,
        });
    }
    checked(to.to_path_buf(), force)
}

/// Whether only a folder can have this path: `Path` ignores such endings.
fn names_a_folder(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    let mut parts = text.rsplit(|byte| std::path::is_separator(char::from(*byte)));
    matches!(parts.next(), Some(b"" | b"." | b".."))
}

fn checked(path: PathBuf, force: bool) -> Result<Target, LocalError> {
    let found = match std::fs::symlink_metadata(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return new_file(path, force),
        Err(error) if error.kind() == ErrorKind::InvalidFilename => {
            return Err(LocalError::ImpossibleName { path, error });
        }
        Err(error) => return Err(LocalError::Write { path, error }),
    };
    if found.is_symlink() {
        return behind_link(path, force);
    }
    existing(path.clone(), path, &found, force)
}

/// The file behind a symbolic link is meant, not the link.
fn behind_link(path: PathBuf, force: bool) -> Result<Target, LocalError> {
    let found = match std::fs::metadata(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(LocalError::DanglingLink { path });
        }
        Err(error) => return Err(LocalError::Write { path, error }),
    };
    // a pipe of this process, such as /dev/stdout, has no path of its own
    let place = path.canonicalize().unwrap_or_else(|_| path.clone());
    existing(path, place, &found, force)
}

/// Judges what there is at `place`, which the user called `path`.
fn existing(
    path: PathBuf,
    place: PathBuf,
    found: &Metadata,
    force: bool,
) -> Result<Target, LocalError> {
    if found.is_dir() {
        return Err(LocalError::IsFolder { path });
    }
    if found.is_file() {
        return match force {
            true => Ok(Target::File {
                path: place,
                replace: true,
            }),
            false => Err(LocalError::Exists { path }),
        };
    }
    match is_stream(found) {
        true => Ok(Target::Stream(path)),
        false => Err(LocalError::Unwritable { path }),
    }
}

/// Nothing has this name yet, so its folder must exist. `force` also holds for what appears
/// meanwhile.
fn new_file(path: PathBuf, force: bool) -> Result<Target, LocalError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if path.file_name().is_none() || !folder.is_dir() {
        let folder = folder.to_path_buf();
        return Err(LocalError::NoFolder { path, folder });
    }
    Ok(Target::File {
        path,
        replace: force,
    })
}

#[cfg(unix)]
fn is_stream(found: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.file_type().is_fifo() || found.file_type().is_char_device()
}

#[cfg(not(unix))]
fn is_stream(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn new(path: PathBuf) -> Target {
        Target::File {
            path,
            replace: false,
        }
    }

    #[test]
    fn an_existing_file_is_replaced_only_by_force() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.jpg");
        let to = Some(folder.path());
        assert_eq!(target("a.jpg", to, false).unwrap(), new(path.clone()));
        let replaced = Target::File {
            path: path.clone(),
            replace: true,
        };
        // it may appear during the download
        assert_eq!(target("a.jpg", to, true).unwrap(), replaced);
        std::fs::write(&path, "old").unwrap();
        let error = target("a.jpg", to, false).unwrap_err();
        assert!(matches!(error, LocalError::Exists { .. }), "{error}");
        assert_eq!(target("a.jpg", to, true).unwrap(), replaced);
    }

    #[test]
    fn a_folder_must_exist_and_a_file_must_have_a_name() {
        let folder = TempDir::new().unwrap();
        let inside = |rest: &str| folder.path().join(rest);
        std::fs::write(inside("file"), "x").unwrap();
        std::fs::create_dir(inside("a.jpg")).unwrap();
        for typed in [
            "new/",
            "new/.",
            "new/..",
            "new/x.jpg",
            "file/",
            "file/x.jpg",
        ] {
            let typed = inside(typed);
            for force in [false, true] {
                let error = target("a.jpg", Some(&typed), force).unwrap_err();
                let text = error.to_string();
                assert!(text.contains(typed.to_str().unwrap()), "{text}");
            }
        }
        assert!(target("a.jpg", Some(Path::new("")), false).is_err());
        // a folder has the name of the memory
        let error = target("a.jpg", Some(folder.path()), true).unwrap_err();
        assert!(matches!(error, LocalError::IsFolder { .. }), "{error}");
    }

    #[test]
    fn a_dash_is_standard_output_and_a_file_of_that_name_has_a_folder() {
        let to = |path: &'static str| target("a", Some(Path::new(path)), false).unwrap();
        assert_eq!(to("-"), Target::Stdout);
        assert_eq!(to("/dev/stdout"), Target::Stdout);
        assert_eq!(to("./-"), new("./-".into()));
    }

    #[test]
    fn a_name_that_the_file_system_cannot_hold_is_refused() {
        let folder = TempDir::new().unwrap();
        let longest = "n".repeat(255);
        let fits = target(&longest, Some(folder.path()), false).unwrap();
        assert_eq!(fits, new(folder.path().join(&longest)));
        for long in ["n".repeat(256), "ü".repeat(128)] {
            let error = target(&long, Some(folder.path()), false).unwrap_err();
            assert!(
                matches!(error, LocalError::ImpossibleName { .. }),
                "{error}"
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn standard_output_may_have_any_name() {
        let to = |path| target("a", Some(Path::new(path)), false).unwrap();
        assert_eq!(to("/proc/self/fd/1"), Target::Stdout);
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_devices_stay_what_they_are() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;
        let folder = TempDir::new().unwrap();
        let inside = |rest: &str| folder.path().join(rest);
        std::fs::write(inside("file"), "x").unwrap();
        symlink(inside("file"), inside("link")).unwrap();
        symlink(inside("nothing"), inside("dangling")).unwrap();
        symlink("/dev/zero", inside("zero")).unwrap();
        let _socket = UnixListener::bind(inside("socket")).unwrap();
        let to = |name: &str, force| target("a", Some(&inside(name)), force);
        let error = to("link", false).unwrap_err();
        assert!(matches!(error, LocalError::Exists { .. }), "{error}");
        let path = inside("file").canonicalize().unwrap();
        let replace = true;
        assert_eq!(to("link", true).unwrap(), Target::File { path, replace });
        for force in [false, true] {
            let error = to("dangling", force).unwrap_err();
            assert!(matches!(error, LocalError::DanglingLink { .. }), "{error}");
            let error = to("socket", force).unwrap_err();
            assert!(matches!(error, LocalError::Unwritable { .. }), "{error}");
            assert_eq!(to("zero", force).unwrap(), Target::Stream(inside("zero")));
            // standard output of the tests is hardly this device
            let zero = target("a", Some(Path::new("/dev/zero")), force).unwrap();
            assert_eq!(zero, Target::Stream("/dev/zero".into()));
        }
    }
}
