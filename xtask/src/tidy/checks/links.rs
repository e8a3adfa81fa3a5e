//! Relative links in Markdown lead to a file or folder, and to a heading in it.

use crate::tidy::finding::Finding;
use crate::tidy::read::markdown::{self, Kind, anchors};
use crate::tidy::read::tree::{File, Language, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.of_language(Language::Markdown) {
        for block in markdown::blocks(&file.text) {
            if block.kind == Kind::Code {
                continue;
            }
            for link in block.links() {
                if let Some(text) = wrong(tree, file, &link.text) {
                    found.push(Finding::new(&file.path, link.line, text));
                }
            }
        }
    }
    found
}

fn wrong(tree: &Tree, file: &File, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = resolve(file.folder(), path)?;
    let target = if path.is_empty() {
        file.path.clone()
    } else {
        target
    };
    let Some(document) = tree.file(&target) else {
        let is_folder = target.is_empty() || tree.has_folder(&target);
        return (!is_folder)
            .then(|| format!("the link leads to {target}, expected a file that git tracks"));
    };
    let known = anchor.is_empty()
        || document.language != Language::Markdown
        || anchors(&document.text).contains(anchor);
    (!known).then(|| format!("the link leads to #{anchor}, expected a heading of {target}"))
}

/// A path relative to a folder, without `.` and `..`; `None` if it leaves the repository.
pub fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => (),
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(link: &str) -> Vec<String> {
        let tree = Tree::of(&[
            (
                "docs/a.md",
                &format!("Text\nand [this]({link}).\n\n    [code](none.md)\n"),
            ),
            ("docs/b.md", "# One heading\n"),
            ("src/c.rs", ""),
        ]);
        check(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere() {
        for link in [
            "b.md",
            "./b.md",
            "b.md#one-heading",
            "../src/c.rs",
            "../src",
            "../src/c.rs#L1",
            "https://example.org/x.md",
            "mailto:a@b.example",
        ] {
            assert_eq!(found(link), Vec::<String>::new(), "{link}");
        }
    }

    #[test]
    fn links_that_lead_nowhere() {
        assert_eq!(
            found("c.md"),
            ["docs/a.md:2: the link leads to docs/c.md, expected a file that git tracks"]
        );
        assert_eq!(found("b.md#two").len(), 1);
        assert_eq!(found("#missing").len(), 1);
    }
}
