//! Tests that read the source: a layer must not name the things that it must not know.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file without comments and tests.
struct Source {
    /// Its path below `src`.
    path: String,
    code: Vec<String>,
}

impl Source {
    fn read(root: &Path, file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        // Tests at the end of a file, if it has any.
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines();
        Source {
            path: file.strip_prefix(root).unwrap().display().to_string(),
            code: lines
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(str::to_string)
                .collect(),
        }
    }

    fn lines_with(&self, found: impl Fn(&str) -> bool) -> Vec<String> {
        let lines = self.code.iter().filter(|line| found(line));
        lines.map(|line| format!("{}: {line}", self.path)).collect()
    }
}

/// The gateway's sources, those of tests left out.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("tests") => {}
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.retain(|file| !file.ends_with("interface.rs") && !file.ends_with("layering.rs"));
    files.iter().map(|file| Source::read(&root, file)).collect()
}

/// The lines below `place` for which `found` holds.
fn lines_in(place: &str, found: impl Fn(&str) -> bool) -> Vec<String> {
    let sources = sources();
    let sources = sources.iter().filter(|s| s.path.starts_with(place));
    sources.flat_map(|s| s.lines_with(&found)).collect()
}

/// The lines outside `places` for which `found` holds.
fn lines_outside(places: &[&str], found: impl Fn(&str) -> bool) -> Vec<String> {
    let sources = sources();
    let sources = sources
        .iter()
        .filter(|s| !places.iter().any(|place| s.path.starts_with(place)));
    sources.flat_map(|s| s.lines_with(&found)).collect()
}

/// Whether the line names one of `names`, even as a part of a longer name.
fn names(line: &str, names: &[&str]) -> bool {
    names.iter().any(|name| line.contains(name))
}

/// Whether `name` is a whole word of the line.
fn has_word(line: &str, name: &str) -> bool {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == name)
}

const NOTHING: [String; 0] = [];

#[test]
fn sessions_know_neither_the_platform_nor_uploads() {
    let unknown = [
        "ic_cdk",
        "capsule_id",
        "AssetMetadata",
        "capsule_shared::asset",
        "capsule_shared::capsule",
        "capsule_shared::memory_index",
        "capsule_shared::blob_store",
        "Blob",
    ];
    assert_eq!(lines_in("session", |line| names(line, &unknown)), NOTHING);
    // The search itself works: the layer above knows all that.
    assert!(lines_in("upload", |line| names(line, &["AssetMetadata"])).len() > 2);
}

#[test]
fn sessions_use_only_failures_and_regions_of_the_gateway() {
    let known = ["failure", "regions", "session"];
    let unknown = |line: &str| {
        let mut uses = line.split("crate::").skip(1);
        uses.any(|rest| !known.iter().any(|module| rest.starts_with(module)))
    };
    assert_eq!(lines_in("session", unknown), NOTHING);
    assert!(lines_in("upload", unknown).len() > 2);
}

/// The frozen `Error` marks two kinds of failure by the beginning of a text.
#[test]
fn only_failures_know_the_marks_of_the_frozen_error() {
    let marks = [
        "Error::temporary",
        "TEMPORARY",
        "temporary: ",
        "checksum_mismatch: ",
    ];
    let marked = |line: &str| names(line, &marks);
    assert_eq!(lines_outside(&["failure.rs"], marked), NOTHING);
    assert!(lines_in("failure.rs", marked).len() > 2);
}

/// So nothing else can ask a frozen `Error` whether it is temporary.
#[test]
fn only_failures_handle_the_frozen_error() {
    let frozen = |line: &str| has_word(line, "Error");
    assert_eq!(lines_outside(&["failure.rs"], frozen), NOTHING);
    assert!(lines_in("failure.rs", frozen).len() > 2);

    // Its `Result` crosses the canister's border: endpoints, arguments and replies of peers.
    let border = ["lib.rs", "wire.rs", "peers"];
    let result = |line: &str| {
        let imported = line.contains("use capsule_shared::") && has_word(line, "Result");
        imported || line.contains("capsule_shared::Result")
    };
    assert_eq!(lines_outside(&border, result), NOTHING);
    for place in border {
        assert!(!lines_in(place, result).is_empty(), "{place}");
        let asked = lines_in(place, |line| names(line, &["is_temporary"]));
        assert_eq!(asked, NOTHING, "{place}");
    }
}
