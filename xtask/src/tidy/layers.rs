//! The rules of who may use whom: between crates, and between the files of each crate.

/// A crate of the workspace.
pub struct Crate {
    pub name: &'static str,
    /// The crates of the workspace that it may depend on, for tests and builds too.
    pub may_use: &'static [&'static str],
    /// Crates that it never needs, not even over others.
    pub never: &'static [&'static str],
}

/// The files of a crate in layers.
pub struct Package {
    /// The folder of its `Cargo.toml`.
    pub folder: &'static str,
    /// The lowest layer first. An entry is a file in `src`, or a folder with a final `/`; the
    /// longest entry that fits a file counts. An entry uses only entries of lower layers, and
    /// nothing else of its own layer.
    pub layers: &'static [&'static [&'static str]],
    /// Words that the code of an entry must not contain.
    pub unknown: &'static [(&'static str, &'static [&'static str])],
}

pub const CRATES: &[Crate] = &[];

pub const TABLE: &[Package] = &[];
