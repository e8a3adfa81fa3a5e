//! Collects the text that people read: Markdown, comments, and strings in code.

use super::items::without_tests;
use super::lexer::{Kind, tokens};
use super::markdown::{self, Block};
use super::tree::{File, Language};

/// Paragraphs, headings, cells, comments and strings, each without its code.
pub fn prose(file: &File) -> Vec<Block> {
    let mut found = Vec::new();
    for block in prose_with_code(file) {
        match block.kind {
            markdown::Kind::Code => (),
            markdown::Kind::Row => found.extend(block.cells().iter().map(readable)),
            _ => found.push(readable(&block)),
        }
    }
    found
}

/// The same as it stands, with blocks of code and whole rows of tables.
pub fn prose_with_code(file: &File) -> Vec<Block> {
    match file.language {
        Language::Markdown => of_markdown(&file.text, 1),
        Language::Rust => {
            let mut found = rust_comments(&file.text);
            found.extend(rust_strings(&file.text));
            found.sort_by_key(|block| block.line);
            found
        }
        Language::JavaScript => line_comments(&file.text, "//"),
        Language::Shell | Language::Toml | Language::Yaml => line_comments(&file.text, "#"),
        _ => Vec::new(),
    }
}

fn of_markdown(text: &str, first_line: usize) -> Vec<Block> {
    let mut found = markdown::blocks(text);
    for block in &mut found {
        block.line += first_line - 1;
    }
    found
}

/// A block without code and emphasis.
fn readable(block: &Block) -> Block {
    Block {
        kind: block.kind,
        line: block.line,
        text: block.without_code().replace("**", ""),
    }
}

/// Comments on lines that follow each other are one text, which is Markdown.
fn rust_comments(source: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines: Vec<(usize, &str)> = Vec::new();
    for token in tokens(source).iter().filter(|t| t.kind == Kind::Comment) {
        let text = ["//!", "///", "//", "/*"]
            .into_iter()
            .find_map(|mark| token.text.strip_prefix(mark))
            .unwrap_or(token.text)
            .trim_end_matches("*/");
        let text = text.strip_prefix(' ').unwrap_or(text);
        if lines.last().is_some_and(|(last, _)| last + 1 != token.line) {
            found.extend(joined(&mut lines));
        }
        lines.push((token.line, text));
    }
    found.extend(joined(&mut lines));
    found
}

fn joined(lines: &mut Vec<(usize, &str)>) -> Vec<Block> {
    let Some((first, _)) = lines.first().copied() else {
        return Vec::new();
    };
    let text: Vec<_> = lines.drain(..).map(|(_, text)| text).collect();
    of_markdown(&text.join("\n"), first)
}

/// Strings outside tests, one block for each line that they print.
fn rust_strings(source: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for token in without_tests(&tokens(source)) {
        if token.kind != Kind::Text {
            continue;
        }
        // A backslash at the end of a line continues the string.
        let mut joined = String::new();
        for (index, line) in token.text.lines().enumerate() {
            let line = if index == 0 { line } else { line.trim_start() };
            match line.strip_suffix('\\') {
                Some(start) => joined.push_str(start),
                None => joined.extend([line, "\\n"]),
            }
        }
        found.extend(joined.split("\\n").map(|line| Block {
            kind: markdown::Kind::Text,
            line: token.line,
            text: line.trim().to_string(),
        }));
    }
    found.retain(|block| !block.text.is_empty());
    found
}

fn line_comments(text: &str, mark: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines: Vec<(usize, &str)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let comment = line.trim_start().strip_prefix(mark);
        match comment.filter(|comment| !comment.starts_with('!')) {
            Some(comment) => lines.push((index + 1, comment.strip_prefix(' ').unwrap_or(comment))),
            None => found.extend(joined(&mut lines)),
        }
    }
    found.extend(joined(&mut lines));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::read::tree::Tree;

    fn texts(path: &str, text: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[(path, text)]);
        let found = prose(&tree.files()[0]);
        found.into_iter().map(|b| (b.line, b.text)).collect()
    }

    fn owned(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
        let pair = |(line, text): &(usize, &str)| (*line, text.to_string());
        expected.iter().map(pair).collect()
    }

    #[test]
    fn comments_of_rust_are_joined_and_separated() {
        let source = "//! One\n//! two.\n//!\n//! Three.\n\nfn a() {} // Four.\n// Five.\n";
        assert_eq!(
            texts("a.rs", source),
            owned(&[(1, "One\ntwo."), (4, "Three."), (6, "Four.\nFive.")])
        );
    }

    #[test]
    fn strings_of_rust_are_read_as_they_print() {
        let source = "fn a() { b(\"One \\\n   two.\\nThree.\") }\n\
                      #[cfg(test)] mod tests { fn c() { d(\"Of test.\") } }\n";
        assert_eq!(
            texts("a.rs", source),
            owned(&[(1, "One two."), (1, "Three.")])
        );
    }

    #[test]
    fn code_blocks_are_no_prose_and_each_cell_is_one() {
        let text = "A `b`.\n\n    code\n\n| C | **d** |\n";
        assert_eq!(
            texts("a.md", text),
            owned(&[(1, "A code."), (5, "C"), (5, "d")])
        );
        let source = "/// A.\n/// ```\n/// code\n/// ```\nfn a() {}\n";
        assert_eq!(texts("a.rs", source), owned(&[(1, "A.")]));
    }

    #[test]
    fn comments_of_shell_and_yaml() {
        assert_eq!(
            texts("a.sh", "#!/bin/sh\n# One\n# two.\na # b\n# c\n"),
            owned(&[(2, "One\ntwo."), (5, "c")])
        );
    }
}
