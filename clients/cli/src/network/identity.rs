//! Identities: PEM files with a private key.

use crate::local::error::LocalError;
use crate::local::settings::default_identity;
use crate::network::error::ConnectError;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ic_agent::Identity;
use ic_agent::identity::{BasicIdentity, Prime256v1Identity, Secp256k1Identity};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Reads the identity `named`, or the one in the folder of settings.
///
/// It may come through a pipe. The wait for its writer blocks nothing else.
pub async fn read(named: Option<PathBuf>) -> Result<Arc<dyn Identity>, ConnectError> {
    let read = spawn_blocking(move || read_now(named.as_deref())).await;
    read.expect("BUG: reading an identity panicked")
}

fn read_now(named: Option<&Path>) -> Result<Arc<dyn Identity>, ConnectError> {
    if let Some(path) = named {
        return read_pem(path);
    }
    let path = default_identity()?;
    match path.exists() {
        true => read_pem(&path),
        false => Err(ConnectError::NoIdentity { path }),
    }
}

fn read_pem(path: &Path) -> Result<Arc<dyn Identity>, ConnectError> {
    let path = path.to_path_buf();
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) => return Err(ConnectError::ReadIdentity { path, error }),
    };
    if let Ok(identity) = BasicIdentity::from_pem(pem.as_slice()) {
        return Ok(Arc::new(identity));
    }
    if let Ok(identity) = Secp256k1Identity::from_pem(pem.as_slice()) {
        return Ok(Arc::new(identity));
    }
    if let Ok(identity) = Prime256v1Identity::from_pem(pem.as_slice()) {
        return Ok(Arc::new(identity));
    }
    Err(ConnectError::Identity { path })
}

/// Makes an Ed25519 identity that only the user can read. It never replaces a file.
pub fn create(path: &Path) -> Result<(), ConnectError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(ConnectError::Random)?;
    let pem = SigningKey::from_bytes(&seed)
        .to_pkcs8_pem(LineEnding::LF)
        .expect("BUG: a key has a PEM form");
    let path = path.to_path_buf();
    if let Some(folder) = path.parent()
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        return Err(LocalError::Write { path, error }.into());
    }
    let written = write_new(&path, |file| {
        file.write_all(pem.as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(ConnectError::IdentityExists { path })
        }
        Err(error) => Err(LocalError::Write { path, error }.into()),
    }
}

/// Makes a file with what `write` writes. A failure leaves no file behind, because the next try
/// would take it for an identity.
fn write_new(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = private().open(path)?;
    let written = write(&mut file);
    if written.is_err() {
        // Windows removes no open file
        drop(file);
        // the failure of the write tells more than this one
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Options for a new file that only its owner can read. On Windows the user's own folders are
/// private already.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("new/identity.pem");
        create(&path).unwrap();
        #[cfg(unix)]
        {
            let permissions = std::fs::metadata(&path).unwrap().permissions();
            let mode = std::os::unix::fs::PermissionsExt::mode(&permissions);
            assert_eq!(mode & 0o777, 0o600);
        }
        let principal = read_now(Some(&path)).unwrap().sender().unwrap();
        let error = create(&path).unwrap_err();
        assert!(
            matches!(error, ConnectError::IdentityExists { .. }),
            "{error}"
        );
        let again = read_now(Some(&path)).unwrap().sender().unwrap();
        assert_eq!(again, principal);
    }

    /// All of this runs in one thread, so a read that blocks it would never end.
    #[cfg(unix)]
    #[tokio::test]
    async fn an_identity_may_come_through_a_pipe() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("identity.pem");
        create(&file).unwrap();
        let expected = read_now(Some(&file)).unwrap().sender().unwrap();
        let pipe = folder.path().join("pipe");
        let name = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
        // SAFETY: the name is a valid string that ends with a zero byte.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let write = async { tokio::fs::write(&pipe, std::fs::read(&file).unwrap()).await };
        let (identity, written) = tokio::join!(read(Some(pipe.clone())), write);
        written.unwrap();
        assert_eq!(identity.unwrap().sender().unwrap(), expected);
    }

    #[test]
    fn an_identity_that_could_not_be_written_leaves_no_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("identity.pem");
        let full = |file: &mut File| {
            file.write_all(b"half")?;
            Err(io::Error::from(ErrorKind::StorageFull))
        };
        let error = write_new(&path, full).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(!path.exists());
        create(&path).unwrap();
        // an identity that was there stays
        let error = write_new(&path, full).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(read_now(Some(&path)).is_ok());
    }

    #[test]
    fn a_file_without_a_key_is_no_identity() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no key").unwrap();
        let error = read_now(Some(file.path())).err().unwrap();
        assert!(matches!(error, ConnectError::Identity { .. }), "{error}");
    }
}
