//! Source files are short: at most 500 lines, and half of them at most 150.

use crate::tidy::finding::Finding;
use crate::tidy::read::tree::Tree;

const LINES: usize = 500;
const MEDIAN_LINES: usize = 150;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.files().iter().filter(|file| file.is_source()) {
        let lines = file.text.lines().count();
        if lines > LINES {
            let text = format!("the file has {lines} lines, expected at most {LINES}");
            found.push(Finding::new(&file.path, LINES + 1, text));
        }
    }
    let median = median(tree);
    if median > MEDIAN_LINES {
        let text =
            format!("the median of all source files is {median}, expected at most {MEDIAN_LINES}");
        found.push(Finding::new(".", 1, text));
    }
    found
}

/// The median length of the source files, in lines.
pub fn median(tree: &Tree) -> usize {
    let sources = tree.files().iter().filter(|file| file.is_source());
    let mut lengths: Vec<_> = sources.map(|file| file.text.lines().count()).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_told_where_it_becomes_too_long() {
        let (short, long) = ("a\n".repeat(500), "a\n".repeat(501));
        let tree = Tree::of(&[
            ("a.rs", &long),
            ("b.md", &long),
            ("c.rs", "a"),
            ("d.rs", "a"),
        ]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("a.rs", 501));
        assert!(check(&Tree::of(&[("a.rs", &short), ("b.rs", "a"), ("c.rs", "a")])).is_empty());
    }

    #[test]
    fn many_files_of_middle_length_are_too_much() {
        let middle = "a\n".repeat(151);
        let tree = Tree::of(&[("a.rs", &middle), ("b.sh", &middle), ("c.rs", "a")]);
        assert_eq!(median(&tree), 151);
        assert_eq!(check(&tree)[0].path, ".");
    }
}
