//! The names of the three canisters, their modules, and the people who call them.

use crate::engine::profile_dir;
use candid::Principal;
use std::path::Path;

/// Cycles of a new canister: enough for hundreds of gigabytes.
pub(super) const CYCLES: u128 = 10_000_000_000_000_000;

/// One of the three canisters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Gateway,
    BlobStore,
    MemoryIndex,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Gateway, Part::BlobStore, Part::MemoryIndex];

    /// The name of the crate and of the module.
    pub fn name(self) -> &'static str {
        match self {
            Part::Gateway => "upload_gateway",
            Part::BlobStore => "blob_store",
            Part::MemoryIndex => "memory_index",
        }
    }
}

/// A module that `cargo xtask build` made.
///
/// # Panics
/// When the module does not exist.
pub fn wasm(name: &str) -> Vec<u8> {
    let path = profile_dir()
        .parent()
        .expect("BUG: a profile's folder is in the target folder")
        .join(format!("canisters/{name}.wasm.gz"));
    std::fs::read(&path).unwrap_or_else(|e| {
        panic!(
            "{} cannot be read ({e}), expected `cargo xtask build` before",
            path.display()
        )
    })
}

/// The module of a canister of release 0.1.0, which the repository has as a fixture.
///
/// # Panics
/// When the repository isn't where this program was built.
pub fn release_0_1_0(part: Part) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/0.1.0");
    let path = folder.join(format!("{}.wasm.gz", part.name()));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{} cannot be read ({e})", path.display()))
}

/// The principal of a person who is known by name only.
pub fn person(name: &str) -> Principal {
    Principal::self_authenticating(name)
}

/// The principal that installs the canisters and controls them.
pub fn controller() -> Principal {
    person("controller")
}
