//! Each canister gives a `MemoryId` to one region only, and does so in its `regions.rs`.
//!
//! Two regions with one id would overwrite each other.

use crate::tidy::finding::Finding;
use crate::tidy::read::items::without_tests;
use crate::tidy::read::lexer::{Kind, code};
use crate::tidy::read::modules::Modules;
use crate::tidy::read::tree::{File, Language, Tree};
use std::collections::BTreeMap;

pub fn check(tree: &Tree, modules: &Modules) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut used: BTreeMap<(&str, String), String> = BTreeMap::new();
    for file in tree.of_language(Language::Rust) {
        let mut parts = file.path.split('/');
        let (Some("canisters"), Some(canister)) = (parts.next(), parts.next()) else {
            continue;
        };
        if modules.is_test(&file.path) {
            continue;
        }
        for (line, number) in ids(file) {
            let Some(number) = number else {
                let text = "`MemoryId::new` takes an expression, expected a number";
                found.push(Finding::new(&file.path, line, text));
                continue;
            };
            let expected = format!("canisters/{canister}/src/regions.rs");
            if file.path != expected {
                let text = format!("`MemoryId` {number} is given here, expected it in {expected}");
                found.push(Finding::new(&file.path, line, text));
            }
            let place = format!("{}:{line}", file.path);
            if let Some(first) = used.insert((canister, number.clone()), place) {
                let text = format!("`MemoryId` {number} is used in {first} too, expected it once");
                found.push(Finding::new(&file.path, line, text));
            }
        }
    }
    found
}

/// The line and the number of each `MemoryId::new(…)` outside tests.
fn ids(file: &File) -> Vec<(usize, Option<String>)> {
    let tokens = without_tests(&code(&file.text));
    let call = ["MemoryId", ":", ":", "new", "("];
    let calls = tokens.windows(call.len() + 2).filter(|window| {
        let mut pairs = window.iter().zip(call);
        pairs.all(|(token, text)| token.is(text))
    });
    calls
        .map(|window| {
            let (argument, end) = (window[5], window[6]);
            let number = argument.kind == Kind::Number && end.is(")");
            (
                argument.line,
                number.then(|| argument.text.replace('_', "")),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::read::modules::modules;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let tree = Tree::of(files);
        let found = check(&tree, &modules(&tree));
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn each_canister_has_its_own_numbers() {
        let text = "const A: MemoryId = MemoryId::new(0);\nconst B: MemoryId = MemoryId::new(1);";
        let files = [
            ("canisters/a/src/regions.rs", text),
            ("canisters/b/src/regions.rs", text),
            (
                "canisters/a/src/x.rs",
                "#[cfg(test)] mod tests { fn t() { MemoryId::new(0); } }",
            ),
            ("canisters/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("canisters/a/src/lib.rs", "#[cfg(test)] mod tests;"),
            ("canisters/a/src/tests.rs", "fn t() { MemoryId::new(n) }"),
            ("localnet/src/x.rs", "fn f() { MemoryId::new(n) }"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn a_number_that_is_used_twice_is_told() {
        let text = "const A: MemoryId = MemoryId::new(3);\n// MemoryId::new(3)\n\
                    const B: MemoryId = MemoryId::new(3);";
        let found = found(&[("canisters/a/src/regions.rs", text)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("canisters/a/src/regions.rs:3: `MemoryId` 3 is used in"));
    }

    #[test]
    fn another_file_and_an_expression_are_told() {
        let found = found(&[(
            "canisters/a/src/x.rs",
            "MemoryId::new(1);\nMemoryId::new(n + 1);",
        )]);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("expected it in canisters/a/src/regions.rs"));
        assert!(found[1].contains("expected a number"));
    }
}
