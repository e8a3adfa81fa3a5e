//! Reads Markdown as blocks, with their inline code and their links.

use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A paragraph, or an item of a list.
    Text,
    Heading,
    /// One row of a table.
    Row,
    /// One line of a code block.
    Code,
}

/// Lines that belong together.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    pub kind: Kind,
    /// The first line, from 1.
    pub line: usize,
    /// The lines without marks of lists, headings and quotations.
    pub text: String,
}

/// A piece of a block.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub line: usize,
    pub text: String,
}

pub fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut fence: Option<&str> = None;
    // Whether the next line continues the last block.
    let mut open = false;
    let mut in_list = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let mut push = |kind, text: &str| {
            found.push(Block {
                kind,
                line: index + 1,
                text: text.to_string(),
            });
        };
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark));
        if let Some(end) = fence {
            if mark == Some(end) {
                fence = None;
            } else {
                push(Kind::Code, line);
            }
            open = false;
        } else if mark.is_some() {
            fence = mark;
            open = false;
        } else if trimmed.is_empty() {
            open = false;
        } else if indent >= 4 && !open && !in_list {
            push(Kind::Code, line);
        } else if trimmed.starts_with('|') {
            push(Kind::Row, trimmed);
            (open, in_list) = (false, false);
        } else if trimmed.starts_with('#') && trimmed.trim_start_matches('#').starts_with(' ') {
            push(Kind::Heading, trimmed.trim_start_matches('#').trim());
            (open, in_list) = (false, false);
        } else if let Some(item) = list_item(trimmed) {
            push(Kind::Text, item);
            (open, in_list) = (true, true);
        } else if open {
            let last = found.last_mut().expect("BUG: an open block was pushed");
            last.text.push('\n');
            last.text.push_str(trimmed.trim_start_matches("> "));
        } else {
            push(Kind::Text, trimmed.trim_start_matches("> "));
            in_list &= indent > 0;
            open = true;
        }
    }
    found
}

/// The text of an item after its mark and its check box.
fn list_item(line: &str) -> Option<&str> {
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = (digits.len() < line.len()).then(|| digits.strip_prefix(". "));
    let marked = ["- ", "* ", "+ "]
        .into_iter()
        .find_map(|m| line.strip_prefix(m));
    let item = marked.or(numbered.flatten())?.trim_start();
    let boxes = ["[ ] ", "[x] "];
    Some(
        boxes
            .into_iter()
            .find_map(|b| item.strip_prefix(b))
            .unwrap_or(item),
    )
}

impl Block {
    fn piece(&self, at: usize, text: &str) -> Piece {
        Piece {
            line: self.line + self.text[..at].matches('\n').count(),
            text: text.replace('\n', " "),
        }
    }

    /// The text between backticks.
    pub fn inline_code(&self) -> Vec<Piece> {
        let spans = self.spans();
        spans
            .into_iter()
            .map(|(at, code)| self.piece(at, code))
            .collect()
    }

    /// Each span of code with the place where it begins.
    fn spans(&self) -> Vec<(usize, &str)> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(start) = self.text[at..].find('`') {
            let start = at + start;
            let marks = self.text[start..].len() - self.text[start..].trim_start_matches('`').len();
            let body = start + marks;
            let Some(len) = self.text[body..].find(&"`".repeat(marks)) else {
                break;
            };
            found.push((body, self.text[body..body + len].trim()));
            at = body + len + marks;
        }
        found
    }

    /// The text with `code` instead of each span of code.
    pub fn without_code(&self) -> String {
        let mut text = self.text.clone();
        for (at, code) in self.spans().into_iter().rev() {
            // The code may have had spaces around it; the backticks stay.
            let lines = code.matches('\n').count();
            let replacement = format!("code{}", "\n".repeat(lines));
            let start = at + (self.text[at..].len() - self.text[at..].trim_start().len());
            text.replace_range(start..start + code.len(), &replacement);
        }
        text.replace('`', "")
    }

    /// The target of each link and image.
    pub fn links(&self) -> Vec<Piece> {
        let text = self.without_code();
        let mut found = Vec::new();
        for (at, _) in text.match_indices("](") {
            let target = &text[at + 2..];
            if let Some(len) = target.find(')') {
                let words = target[..len].split_whitespace();
                let piece = words.take(1).map(|target| Piece {
                    line: self.line + text[..at].matches('\n').count(),
                    text: target.to_string(),
                });
                found.extend(piece);
            }
        }
        found
    }

    /// The cells of a row.
    pub fn cells(&self) -> Vec<Block> {
        let inner = self
            .text
            .trim()
            .trim_start_matches('|')
            .trim_end_matches('|');
        let cells = inner.split('|').map(|cell| Block {
            kind: Kind::Row,
            line: self.line,
            text: cell.trim().to_string(),
        });
        cells.collect()
    }
}

/// The anchors of a document's headings, as GitHub makes them.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for block in blocks(text) {
        if block.kind != Kind::Heading {
            continue;
        }
        let lower = block.text.to_lowercase();
        let kept = lower.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        });
        let anchor: String = kept.collect();
        let mut unique = anchor.clone();
        let mut count = 0;
        while !found.insert(unique.clone()) {
            count += 1;
            unique = format!("{anchor}-{count}");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, usize)> {
        blocks(text).iter().map(|b| (b.kind, b.line)).collect()
    }

    #[test]
    fn a_document_in_blocks() {
        let text = "# Title\n\nOne\ntwo.\n\n    code\n    code\n\n| a |\n| - |\n\n\
                    ```sh\n# code\n```\n- item\n  more\n\n      still the item\n\nEnd\n";
        assert_eq!(
            kinds(text),
            [
                (Kind::Heading, 1),
                (Kind::Text, 3),
                (Kind::Code, 6),
                (Kind::Code, 7),
                (Kind::Row, 9),
                (Kind::Row, 10),
                (Kind::Code, 13),
                (Kind::Text, 15),
                (Kind::Text, 18),
                (Kind::Text, 20),
            ]
        );
        assert_eq!(blocks(text)[7].text, "item\nmore");
    }

    #[test]
    fn items_lose_their_marks() {
        for (line, item) in [
            ("- a", Some("a")),
            ("12. b", Some("b")),
            ("- [ ] c", Some("c")),
            ("1.5 d", None),
            ("-e", None),
        ] {
            assert_eq!(list_item(line), item, "{line}");
        }
    }

    #[test]
    fn code_and_links_with_their_lines() {
        let block = &blocks("See `a b`,\n``c`d``, `e\nf` and [g](h.md \"i\"), `[j](k)`.")[0];
        let code: Vec<_> = block.inline_code();
        let texts: Vec<_> = code.iter().map(|p| (p.line, p.text.as_str())).collect();
        assert_eq!(texts, [(1, "a b"), (2, "c`d"), (2, "e f"), (3, "[j](k)")]);
        let links = block.links();
        assert_eq!(links.len(), 1);
        assert_eq!((links[0].line, links[0].text.as_str()), (3, "h.md"));
        assert!(
            block
                .without_code()
                .starts_with("See code,\ncode, code\n and")
        );
    }

    #[test]
    fn anchors_are_githubs() {
        let found = anchors("# How fast it is\n## `cargo xtask`: the *tool*\n# A\n# A\n");
        for anchor in ["how-fast-it-is", "cargo-xtask-the-tool", "a", "a-1"] {
            assert!(found.contains(anchor), "{anchor}: {found:?}");
        }
    }
}
