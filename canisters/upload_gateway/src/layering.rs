//! What a layer must not know, read from its source.

use std::fs;
use std::path::Path;

/// The lines of a folder's files that name one of `names` outside a comment.
fn lines_naming(folder: &str, names: &[&str]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .filter(|line| names.iter().any(|name| line.contains(name)))
            .map(|line| format!("{}: {line}", path.display()));
        found.extend(lines);
    }
    found
}

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
        "crate::upload",
        "crate::peers",
        "crate::runtime",
    ];
    assert_eq!(lines_naming("src/session", &unknown), Vec::<String>::new());
    // The look itself works: the layer above knows all that.
    assert!(lines_naming("src/upload", &["AssetMetadata"]).len() > 2);
}
