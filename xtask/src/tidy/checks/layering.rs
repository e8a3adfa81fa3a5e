//! Files use only lower layers, as the table in `layers.rs` says.
//!
//! Tests may use anything.

use crate::tidy::finding::Finding;
use crate::tidy::layers::{Package, TABLE};
use crate::tidy::read::items::without_tests;
use crate::tidy::read::lexer::{Kind, code};
use crate::tidy::read::modules::{Modules, within};
use crate::tidy::read::tree::{File, Language, Tree};

/// The findings are in the table itself where that is wrong.
const TABLE_PATH: &str = "xtask/src/tidy/layers.rs";

pub fn check(tree: &Tree, modules: &Modules) -> Vec<Finding> {
    check_table(tree, modules, TABLE)
}

fn check_table(tree: &Tree, modules: &Modules, table: &[Package]) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in table {
        found.extend(entries_without_files(tree, package));
    }
    for file in tree.of_language(Language::Rust) {
        if !modules.files.contains(&file.path) {
            let text = "no module declares this file, expected one of its crate";
            found.push(Finding::new(&file.path, 1, text));
        }
        if modules.is_test(&file.path) || is_build_script(table, &file.path) {
            continue;
        }
        match place(table, &file.path) {
            Some((package, (_, entry))) => found.extend(unknown_words(file, package, entry)),
            None => {
                let text = format!("the file is in no layer, expected an entry in {TABLE_PATH}");
                found.push(Finding::new(&file.path, 1, text));
            }
        }
    }
    for edge in modules.edges.iter().filter(|edge| !edge.test) {
        let (Some((_, from)), Some((_, to))) = (place(table, &edge.from), place(table, &edge.to))
        else {
            continue;
        };
        if from.1 != to.1 && to.0 >= from.0 {
            let text = format!(
                "`{}` uses `{}`, expected it to use only lower layers",
                from.1, to.1
            );
            found.push(Finding::new(&edge.from, edge.line, text));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether a file is a program of its own, which runs before its package is built.
fn is_build_script(table: &[Package], path: &str) -> bool {
    table
        .iter()
        .any(|package| path == within(package.folder, "build.rs"))
}

/// The package of a file, with the number of its layer and its entry there.
fn place<'t>(table: &'t [Package], path: &str) -> Option<(&'t Package, (usize, &'t str))> {
    for package in table {
        let Some(inside) = path.strip_prefix(&within(package.folder, "src/")) else {
            continue;
        };
        let mut best: Option<(usize, &str)> = None;
        for (layer, entries) in package.layers.iter().enumerate() {
            for entry in *entries {
                let covers =
                    inside == *entry || (entry.ends_with('/') && inside.starts_with(entry));
                if covers && best.is_none_or(|(_, other)| other.len() < entry.len()) {
                    best = Some((layer, entry));
                }
            }
        }
        return best.map(|best| (package, best));
    }
    None
}

fn entries_without_files(tree: &Tree, package: &Package) -> Vec<Finding> {
    let exists = |entry: &str| {
        let path = within(package.folder, &format!("src/{entry}"));
        tree.file(&path).is_some() || tree.has_folder(path.trim_end_matches('/'))
    };
    let entries = package.layers.iter().flat_map(|entries| entries.iter());
    let unknown = package.unknown.iter().map(|(entry, _)| entry);
    entries
        .chain(unknown)
        .filter(|entry| !exists(entry))
        .map(|entry| {
            let name = within(package.folder, &format!("src/{entry}"));
            Finding::new(
                TABLE_PATH,
                1,
                format!("{name} does not exist, expected a file or folder"),
            )
        })
        .collect()
}

/// The words in the file's code that its entry must not know.
fn unknown_words(file: &File, package: &Package, entry: &str) -> Vec<Finding> {
    let of_entry = |(name, words): &&(&str, &'static [&str])| (*name == entry).then_some(*words);
    let unknown: Vec<&str> = package
        .unknown
        .iter()
        .filter_map(|pair| of_entry(&pair))
        .flatten()
        .copied()
        .collect();
    if unknown.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for token in without_tests(&code(&file.text)) {
        if token.kind == Kind::Word && unknown.contains(&token.text) {
            let text = format!(
                "`{entry}` names `{}`, expected it not to know that",
                token.text
            );
            found.push(Finding::new(&file.path, token.line, text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::read::modules::modules;

    const OWN: &[Package] = &[Package {
        folder: "a",
        layers: &[
            &["low.rs", "other.rs"],
            &["mid/"],
            &["mid/top.rs", "lib.rs"],
        ],
        unknown: &[("low.rs", &["ic_cdk"])],
    }];

    const FILES: [(&str, &str); 6] = [
        ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
        ("a/src/lib.rs", "mod low; mod other; mod mid;"),
        ("a/src/low.rs", ""),
        ("a/src/other.rs", ""),
        ("a/src/mid/mod.rs", "mod top; use crate::low::X;"),
        ("a/src/mid/top.rs", "use super::Y; use crate::other::Z;"),
    ];

    /// The findings when files are replaced or added.
    fn found(changes: &[(&str, &str)]) -> Vec<String> {
        let kept = |(path, _): &&(&str, &str)| !changes.iter().any(|(new, _)| new == path);
        let mut files: Vec<_> = FILES.iter().filter(kept).copied().collect();
        files.extend(changes);
        let tree = Tree::of(&files);
        let found = check_table(&tree, &modules(&tree), OWN);
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn lower_layers_may_be_used() {
        assert_eq!(found(&[]), Vec::<String>::new());
    }

    #[test]
    fn the_same_and_higher_layers_may_not() {
        let low = found(&[(
            "a/src/low.rs",
            "\nuse crate::mid::X;\nfn f() { crate::other::g() }",
        )]);
        assert_eq!(low.len(), 2);
        assert!(
            low[0].starts_with("a/src/low.rs:2: `low.rs` uses `mid/`, expected"),
            "{low:?}"
        );
        assert!(
            low[1].starts_with("a/src/low.rs:3: `low.rs` uses `other.rs`"),
            "{low:?}"
        );
        let mid = found(&[("a/src/mid/mod.rs", "mod top; use top::X;")]);
        assert!(mid[0].contains("`mid/` uses `mid/top.rs`"), "{mid:?}");
    }

    #[test]
    fn tests_may_use_anything() {
        let inside = "#[cfg(test)] mod tests { use crate::mid::X; }";
        let beside = "#[cfg(test)] mod tests;";
        assert!(found(&[("a/src/low.rs", inside)]).is_empty());
        let changes = [
            ("a/src/low.rs", beside),
            ("a/src/low/tests.rs", "use crate::mid::X;"),
        ];
        assert!(found(&changes).is_empty());
    }

    #[test]
    fn a_layer_names_only_words_that_it_may_know() {
        let low = found(&[("a/src/low.rs", "// ic_cdk\nuse ic_cdk::x;")]);
        assert_eq!(
            low,
            ["a/src/low.rs:2: `low.rs` names `ic_cdk`, expected it not to know that"]
        );
        assert!(found(&[("a/src/other.rs", "use ic_cdk::x;")]).is_empty());
    }

    #[test]
    fn a_build_script_has_no_layer() {
        assert!(found(&[("a/build.rs", "fn main() {}")]).is_empty());
        assert!(!found(&[("b/build.rs", "fn main() {}")]).is_empty());
    }

    #[test]
    fn the_table_covers_all_files_and_no_others() {
        let more = found(&[
            ("a/src/lib.rs", "mod low; mod other; mod mid; mod new;"),
            ("a/src/new.rs", ""),
            ("a/src/lost.rs", ""),
        ]);
        assert_eq!(more.len(), 3, "{more:?}");
        assert!(more[0].starts_with("a/src/lost.rs:1: no module declares"));
        assert!(more[1].starts_with("a/src/lost.rs:1: the file is in no layer"));
        assert!(more[2].starts_with("a/src/new.rs:1: the file is in no layer"));

        let tree = Tree::of(&FILES[..3]);
        let fewer = check_table(&tree, &modules(&tree), OWN);
        assert!(
            fewer
                .iter()
                .any(|f| f.text.contains("a/src/mid/ does not exist"))
        );
    }
}
