//! The files below several folders.

use crate::local::folder::key::key_of;
use crate::local::folder::walk::{Choice, Found, Walked, walk};
use std::collections::HashSet;
use std::path::PathBuf;

/// The files of all folders. One file at two paths is there twice, the same path only once.
pub fn walk_all(folders: &[PathBuf], choice: &Choice) -> Walked {
    let mut all = Walked::default();
    for folder in folders {
        let Walked { files, skipped } = walk(folder, choice);
        all.files.extend(files);
        all.skipped.extend(skipped);
    }
    let mut seen = HashSet::new();
    all.files
        .retain(|file| seen.insert((absolute(file), key_of(&file.relative))));
    all
}

/// The absolute path without symbolic links, unless the file is gone meanwhile.
pub fn absolute(file: &Found) -> PathBuf {
    let path = file.path.canonicalize();
    path.unwrap_or_else(|_| file.path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_once_for_each_of_its_paths() {
        let folder = tempfile::TempDir::new().unwrap();
        let inside = |name: &str| folder.path().join(name);
        std::fs::create_dir(inside("sub")).unwrap();
        std::fs::write(inside("sub/a"), "a").unwrap();
        let folders = [inside(""), inside("sub"), inside("sub/../sub"), inside(".")];
        let walked = walk_all(&folders, &Choice::default());
        let found: Vec<String> = walked
            .files
            .iter()
            .map(|file| key_of(&file.relative))
            .collect();
        assert_eq!(found, ["sub/a", "a"]);
        assert!(walked.files.iter().all(|file| absolute(file).is_absolute()));
    }
}
