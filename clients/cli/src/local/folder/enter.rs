//! The way to a file below a folder, and what is there already. No way leads through a link.

use crate::local::folder::error::FolderError;
use sha2::{Digest, Sha256};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

/// The state of the place where a memory goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    Nothing,
    /// A file with the memory's bytes.
    Same,
    /// A file with other bytes.
    Other,
}

/// Makes the folder of `root/relative`, and returns the whole path.
///
/// `root` itself may be a symbolic link, because the user named it. A link below it is an error,
/// wherever it leads.
pub fn enter(root: &Path, relative: &Path) -> Result<PathBuf, FolderError> {
    let path = way(root, relative)?;
    if let Some(folder) = path.parent() {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| FolderError::Make {
            path: folder.to_path_buf(),
            error,
        })?;
    }
    Ok(path)
}

/// The whole path of `root/relative`, if only folders are on the way. Makes none of them.
pub fn way(root: &Path, relative: &Path) -> Result<PathBuf, FolderError> {
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
    assert!(
        relative.components().all(inside),
        "BUG: {relative:?} leads out of its folder"
    );
    let mut path = root.to_path_buf();
    let folders = relative.parent().unwrap_or(Path::new(""));
    for name in folders {
        path.push(name);
        match metadata(&path)? {
            None => break,
            Some(metadata) if metadata.is_symlink() => return Err(FolderError::Link { path }),
            Some(metadata) if !metadata.is_dir() => return Err(FolderError::NotAFolder { path }),
            Some(_) => {}
        }
    }
    Ok(root.join(relative))
}

/// Compares what is at `path` with the bytes of a memory, without following a link.
pub fn there(path: &Path, bytes: u64, sha256: &[u8]) -> Result<There, FolderError> {
    let Some(metadata) = metadata(path)? else {
        return Ok(There::Nothing);
    };
    if !metadata.is_file() {
        let path = path.to_path_buf();
        return Err(FolderError::NotAFile { path });
    }
    if metadata.len() != bytes {
        return Ok(There::Other);
    }
    let same = hash(path).map_err(about(path))?[..] == *sha256;
    Ok(if same { There::Same } else { There::Other })
}

/// Equal for places that are one file, whatever their names are: a link, or another case on a disk
/// that ignores it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The device and the inode.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The path as the file system has it.
    #[cfg(not(unix))]
    Path(PathBuf),
}

/// The identity of a file. `None` if nothing can be found there.
pub fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.symlink_metadata().ok()?;
        Some(Identity::Inode(metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        path.canonicalize().ok().map(Identity::Path)
    }
}

/// The SHA-256 of a file.
pub fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The metadata of a path itself, not of the file that it links to.
fn metadata(path: &Path) -> Result<Option<Metadata>, FolderError> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(about(path)(error)),
    }
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_path_buf();
    move |error| FolderError::Read { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const ABC: [u8; 3] = *b"abc";

    fn sha256(bytes: &[u8]) -> Vec<u8> {
        Sha256::digest(bytes).to_vec()
    }

    #[test]
    fn folders_are_made_on_the_way() {
        let root = TempDir::new().unwrap();
        for _ in 0..2 {
            let path = enter(root.path(), Path::new("a/b/c.txt")).unwrap();
            assert_eq!(path, root.path().join("a/b/c.txt"));
            assert!(root.path().join("a/b").is_dir());
            assert!(!path.exists());
        }
        let new = root.path().join("new");
        let path = enter(&new, Path::new("c.txt")).unwrap();
        std::fs::write(path, ABC).unwrap();
        assert!(way(root.path(), Path::new("x/y")).is_ok());
        assert!(!root.path().join("x").exists());
    }

    #[test]
    fn a_file_on_the_way_is_an_error() {
        let root = TempDir::new().unwrap();
        std::fs::write(root.path().join("a"), ABC).unwrap();
        let error = enter(root.path(), Path::new("a/b")).unwrap_err();
        assert!(matches!(error, FolderError::NotAFolder { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn no_way_leads_through_a_link() {
        use std::os::unix::fs::symlink;
        let (root, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        std::fs::create_dir_all(root.path().join("real/deep")).unwrap();
        symlink(outside.path(), root.path().join("out")).unwrap();
        symlink(outside.path(), root.path().join("real/deep/out")).unwrap();
        symlink("real", root.path().join("inside")).unwrap();
        symlink("nowhere", root.path().join("broken")).unwrap();
        for relative in [
            "out/a",
            "out/x/a",
            "real/deep/out/a",
            "inside/a",
            "broken/a",
        ] {
            let error = enter(root.path(), Path::new(relative)).unwrap_err();
            assert!(matches!(error, FolderError::Link { .. }), "{error}");
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);

        // the folder that the user named may be a link
        let link = outside.path().join("link");
        symlink(root.path(), &link).unwrap();
        assert!(enter(&link, Path::new("real/a")).is_ok());
    }

    #[test]
    fn what_is_there_is_compared_by_its_bytes() {
        let root = TempDir::new().unwrap();
        let path = root.path().join("a");
        let compared = |bytes: &[u8]| there(&path, bytes.len() as u64, &sha256(bytes)).unwrap();
        assert_eq!(compared(&ABC), There::Nothing);
        std::fs::write(&path, ABC).unwrap();
        assert_eq!(compared(&ABC), There::Same);
        assert_eq!(compared(b"abd"), There::Other);
        assert_eq!(compared(b"ab"), There::Other);
        let error = there(root.path(), 3, &sha256(&ABC)).unwrap_err();
        assert!(matches!(error, FolderError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn one_file_has_one_identity() {
        let root = TempDir::new().unwrap();
        let inside = |name: &str| root.path().join(name);
        std::fs::write(inside("a"), ABC).unwrap();
        std::fs::write(inside("b"), ABC).unwrap();
        let a = identity(&inside("a"));
        assert!(a.is_some());
        assert_eq!(identity(&inside("./a")), a);
        assert_ne!(identity(&inside("b")), a);
        assert_eq!(identity(&inside("c")), None);
        #[cfg(unix)]
        {
            std::fs::hard_link(inside("a"), inside("hard")).unwrap();
            assert_eq!(identity(&inside("hard")), a);
        }
    }

    /// A link to a file with the right bytes is no file: writing there would change another one.
    #[cfg(unix)]
    #[test]
    fn a_link_is_no_file() {
        let root = TempDir::new().unwrap();
        let (file, link) = (root.path().join("a"), root.path().join("link"));
        std::fs::write(&file, ABC).unwrap();
        for target in [file, "nowhere".into()] {
            std::os::unix::fs::symlink(target, &link).unwrap();
            let error = there(&link, 3, &sha256(&ABC)).unwrap_err();
            assert!(matches!(error, FolderError::NotAFile { .. }), "{error}");
            std::fs::remove_file(&link).unwrap();
        }
    }
}
