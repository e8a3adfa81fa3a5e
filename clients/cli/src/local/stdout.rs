//! Standard output of this process: which paths lead to it, and whether it can be written at all.

#[cfg(unix)]
use std::fs::File;
use std::io;
#[cfg(unix)]
use std::os::fd::AsFd;
use std::path::Path;

/// Whether a path means standard output of this process.
pub fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1"]
        .into_iter()
        .any(|name| path == Path::new(name))
        || is_open_as(path, io::stdout())
}

/// Whether a path leads to the file that is open here: the same inode of the same device.
#[cfg(unix)]
fn is_open_as(path: &Path, open: impl AsFd) -> bool {
    use std::os::unix::fs::MetadataExt;
    let open = open.as_fd().try_clone_to_owned().map(File::from);
    // to open the path instead could wait for the other end of a pipe
    match (
        std::fs::metadata(path),
        open.and_then(|open| open.metadata()),
    ) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

/// Whether a path leads to the file that standard output is.
#[cfg(not(unix))]
fn is_open_as(path: &Path, _: io::Stdout) -> bool {
    use same_file::Handle;
    path.is_file()
        && matches!(
            (Handle::from_path(path), Handle::stdout()),
            (Ok(named), Ok(open)) if named == open
        )
}

/// An error if nothing can be written to standard output, because it is open for reading only, or
/// was closed when the program started.
///
/// The standard library takes such a write for a success.
pub fn check_writable() -> io::Result<()> {
    #[cfg(unix)]
    if started_closed::was_closed() || is_read_only(io::stdout()) {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(())
}

#[cfg(unix)]
fn is_read_only(open: impl AsFd) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: the call only asks for the flags of a descriptor, which is open meanwhile.
    let flags = unsafe { libc::fcntl(open.as_fd().as_raw_fd(), libc::F_GETFL) };
    flags != -1 && flags & libc::O_ACCMODE == libc::O_RDONLY
}

/// Whether standard output was closed when the program started. The standard library opens
/// `/dev/null` in its place before `main`, so the question comes before that.
#[cfg(unix)]
mod started_closed {
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    extern "C" fn ask() {
        // SAFETY: the call only asks for the flags of a descriptor, and may fail.
        let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
        CLOSED.store(flags == -1, Ordering::Relaxed);
    }

    /// The loader calls what this section lists, before `main`.
    #[used]
    // SAFETY: the section holds pointers of this type. The function needs nothing of the runtime.
    #[cfg_attr(
        target_vendor = "apple",
        unsafe(link_section = "__DATA,__mod_init_func")
    )]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
    static ASK: extern "C" fn() = ask;

    pub fn was_closed() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_itself_under_each_of_its_names() {
        let folder = tempfile::TempDir::new().unwrap();
        let inside = |rest: &str| folder.path().join(rest);
        std::fs::write(inside("file"), "x").unwrap();
        std::fs::write(inside("other"), "x").unwrap();
        std::fs::hard_link(inside("file"), inside("hard")).unwrap();
        std::os::unix::fs::symlink("file", inside("link")).unwrap();
        let open = File::open(inside("file")).unwrap();
        let is = |name| is_open_as(&inside(name), &open);
        assert_eq!(["file", "hard", "link"].map(is), [true; 3]);
        assert_eq!(["other", "missing"].map(is), [false; 2]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_open_for_reading_cannot_be_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(is_read_only(File::open(file.path()).unwrap()));
        assert!(!is_read_only(file.as_file()));
        let write = File::options().append(true).open(file.path()).unwrap();
        assert!(!is_read_only(write));
    }
}
