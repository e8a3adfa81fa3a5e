//! Messages to the person who runs the server.

use std::io::Write;

/// Prints a line to standard error. If it can't be written, the server goes on without it: the log
/// may lie on the disk that is full.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
