//! The modules of release 0.1.0, which tests upgrade and measurements compare with.

use super::parts::Part;
use std::path::Path;

/// A module of the release.
///
/// # Panics
/// When it can't be read: it is part of this repository.
pub fn release(part: Part) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/0.1.0");
    let path = folder.join(format!("{}.wasm.gz", part.name()));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
