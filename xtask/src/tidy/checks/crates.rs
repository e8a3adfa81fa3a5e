//! Crates depend only on the crates of the workspace that the table in `layers.rs` allows.

use crate::tidy::finding::Finding;
use crate::tidy::layers::{CRATES, Crate};
use crate::tidy::read::manifest::needed;
use crate::tidy::read::modules::{packages, within};
use crate::tidy::read::tree::Tree;
use std::collections::BTreeSet;

pub fn check(tree: &Tree) -> Vec<Finding> {
    check_table(tree, CRATES)
}

fn check_table(tree: &Tree, table: &[Crate]) -> Vec<Finding> {
    let packages = packages(tree);
    let own: BTreeSet<&str> = packages
        .values()
        .filter_map(|m| m.package.as_deref())
        .collect();
    let lock = tree
        .file("Cargo.lock")
        .map_or("", |file| file.text.as_str());
    let mut found = Vec::new();
    for (folder, manifest) in &packages {
        let name = manifest.package.as_deref().unwrap_or_default();
        let path = within(folder, "Cargo.toml");
        let Some(entry) = table.iter().find(|entry| entry.name == name) else {
            let text = format!("`{name}` is in no table, expected it in xtask/src/tidy/layers.rs");
            found.push(Finding::new(&path, 1, text));
            continue;
        };
        for dependency in &manifest.dependencies {
            let name = dependency.name.as_str();
            if own.contains(name) && !entry.may_use.contains(&name) {
                let allowed = if entry.may_use.is_empty() {
                    "no crate of the workspace".to_string()
                } else {
                    format!("only {}", entry.may_use.join(", "))
                };
                let text = format!("`{}` depends on `{name}`, expected {allowed}", entry.name);
                found.push(Finding::new(&path, dependency.line, text));
            }
        }
        let needs = needed(lock, name);
        for never in entry.never.iter().filter(|never| needs.contains(**never)) {
            let text = format!(
                "`{name}` needs `{never}`, directly or over others, expected that it never does"
            );
            found.push(Finding::new(&path, 1, text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &[Crate] = &[
        Crate {
            name: "low",
            may_use: &[],
            never: &["ic-cdk"],
        },
        Crate {
            name: "high",
            may_use: &["low"],
            never: &[],
        },
    ];

    fn found(low: &str, high: &str, lock: &str) -> Vec<String> {
        let package = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
        let tree = Tree::of(&[
            ("low/Cargo.toml", &package("low", low)),
            ("high/Cargo.toml", &package("high", high)),
            ("Cargo.lock", lock),
        ]);
        let found = check_table(&tree, OWN);
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn allowed_crates_and_those_of_others_pass() {
        let high = "[dependencies]\nlow.workspace = true\nserde = \"1\"\nic-cdk = \"1\"\n";
        assert_eq!(
            found("[dependencies]\nserde = \"1\"\n", high, ""),
            Vec::<String>::new()
        );
    }

    #[test]
    fn other_crates_of_the_workspace_do_not_not_even_for_tests() {
        assert_eq!(
            found("[dev-dependencies]\nhigh.workspace = true\n", "", ""),
            ["low/Cargo.toml:4: `low` depends on `high`, expected no crate of the workspace"]
        );
    }

    #[test]
    fn a_forbidden_crate_is_found_behind_others() {
        let lock = "name = \"low\"\ndependencies = [\n \"candid\",\n]\n\
                    name = \"candid\"\ndependencies = [\n \"ic-cdk\",\n]\n";
        let found = found("", "", lock);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`low` needs `ic-cdk`"), "{found:?}");
    }

    #[test]
    fn a_new_crate_needs_an_entry() {
        let tree = Tree::of(&[("x/Cargo.toml", "[package]\nname = \"x\"\n")]);
        assert!(
            check_table(&tree, OWN)[0]
                .text
                .contains("`x` is in no table")
        );
    }
}
