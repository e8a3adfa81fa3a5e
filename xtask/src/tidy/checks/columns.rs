//! No line has more than 100 characters.
//!
//! Wider lines are fine where a break would change the meaning: tables and code blocks in
//! Markdown, addresses, and long words in settings, such as a key. Files that tools write are
//! left out.

use crate::tidy::finding::Finding;
use crate::tidy::read::markdown::{self, Kind};
use crate::tidy::read::tree::{File, Language, Tree};
use std::collections::BTreeSet;

const COLUMNS: usize = 100;

/// A word of this length in a file of settings is a value that can't be broken.
const LONG_WORD: usize = 80;

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files().iter().flat_map(wide_lines).collect()
}

fn wide_lines(file: &File) -> Vec<Finding> {
    use Language::{Candid, Json, Lock, Markdown};
    // A string of JSON can't be broken. The licence is not ours to change.
    if matches!(file.language, Lock | Candid | Json) || file.path == "LICENSE" {
        return Vec::new();
    }
    let exempt = match file.language {
        Markdown => rows_and_code(&file.text),
        _ => BTreeSet::new(),
    };
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let width = line.chars().count();
        if width > COLUMNS && !exempt.contains(&(index + 1)) && !is_unbreakable(file, line) {
            let text = format!("the line has {width} characters, expected at most {COLUMNS}");
            found.push(Finding::new(&file.path, index + 1, text));
        }
    }
    found
}

fn rows_and_code(text: &str) -> BTreeSet<usize> {
    markdown::blocks(text)
        .iter()
        .filter(|block| matches!(block.kind, Kind::Row | Kind::Code))
        .map(|block| block.line)
        .collect()
}

/// Whether the line is short enough without its addresses or its long word.
fn is_unbreakable(file: &File, line: &str) -> bool {
    let mut rest = line.to_string();
    if file.language == Language::Markdown {
        while let Some(start) = rest.find("](") {
            let Some(len) = rest[start..].find(')') else {
                break;
            };
            rest.replace_range(start..=start + len, "]");
        }
    }
    let settings = matches!(file.language, Language::Toml | Language::Yaml);
    let is_short = |word: &&str| {
        let long = settings && word.chars().count() > LONG_WORD;
        !word.contains("://") && !long
    };
    let kept: usize = rest
        .split(' ')
        .filter(is_short)
        .map(|word| word.chars().count() + 1)
        .sum();
    kept <= COLUMNS + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = check(&Tree::of(&[(path, text)]));
        found.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn characters_count_and_not_bytes() {
        assert!(lines("a.rs", &"é".repeat(100)).is_empty());
        assert_eq!(lines("a.rs", &format!("a\n{}", "é".repeat(101))), [2]);
        assert_eq!(lines("a.sh", &"a ".repeat(51)), [1]);
    }

    #[test]
    fn rows_code_and_addresses_may_be_wide() {
        let wide = "a ".repeat(60);
        assert!(lines("a.md", &format!("| {wide} |")).is_empty());
        assert!(lines("a.md", &format!("```\n{wide}\n```\n\n    {wide}")).is_empty());
        assert_eq!(lines("a.md", &format!("{wide}\n\n- {wide}")), [1, 3]);
        let address = format!("https://example.org/{}", "a".repeat(90));
        assert!(lines("a.md", &format!("See {address} for more.")).is_empty());
        assert!(lines("a.md", &format!("See [this]({}) too.", "a".repeat(90))).is_empty());
        assert!(lines("a.rs", &format!("// {address}")).is_empty());
        assert_eq!(lines("a.rs", &format!("// {wide} {address}")), [1]);
    }

    #[test]
    fn a_long_value_is_fine_in_settings_only() {
        let value = "3".repeat(120);
        assert!(lines("a.yaml", &format!("key: {value}")).is_empty());
        assert_eq!(lines("a.rs", &format!("let a = \"{value}\";")), [1]);
    }

    #[test]
    fn files_of_tools_are_left_out() {
        let wide = "a ".repeat(60);
        for path in ["Cargo.lock", "a/b.did", "LICENSE"] {
            assert!(lines(path, &wide).is_empty(), "{path}");
        }
    }
}
