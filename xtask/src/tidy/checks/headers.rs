//! Every source file opens with a comment that says what the file is for.

use crate::tidy::finding::Finding;
use crate::tidy::read::tree::{File, Language, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let sources = tree.files().iter().filter(|file| file.is_source());
    sources.filter_map(wrong).collect()
}

fn wrong(file: &File) -> Option<Finding> {
    let marks: &[&str] = match file.language {
        Language::Rust => &["//!"],
        Language::Shell => &["#"],
        _ => &["//", "/*"],
    };
    let mut lines = file.text.lines().enumerate();
    let first = lines.find(|(index, _)| *index > 0 || !file.text.starts_with("#!/"));
    let (index, line) = first.unwrap_or((0, ""));
    let purpose = marks.iter().find_map(|mark| line.strip_prefix(mark));
    if purpose.is_some_and(|text| text.trim().len() > 1) {
        return None;
    }
    let expected = marks[0];
    Some(Finding::new(
        &file.path,
        index + 1,
        format!("the file's purpose is missing, expected a line that begins with `{expected}`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = check(&Tree::of(&[(path, text)]));
        found.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_purpose_is_found() {
        assert!(lines("a.rs", "//! Purpose.\nfn a() {}").is_empty());
        assert!(lines("a.sh", "#!/usr/bin/env bash\n# Purpose.\nset -e").is_empty());
        assert!(lines(".ci/run", "#!/bin/sh\n# Purpose.\n").is_empty());
        assert!(lines("a.mjs", "// Purpose.\nimport a").is_empty());
        assert!(lines("a.md", "Text").is_empty());
    }

    #[test]
    fn a_missing_purpose_is_told() {
        assert_eq!(lines("a.rs", "use b;\n//! Purpose."), [1]);
        assert_eq!(lines("a.rs", "// Purpose."), [1]);
        assert_eq!(lines("a.rs", "//!\n"), [1]);
        assert_eq!(lines("a.rs", ""), [1]);
        assert_eq!(lines("a.sh", "#!/bin/sh\nset -e\n# Purpose."), [2]);
    }
}
