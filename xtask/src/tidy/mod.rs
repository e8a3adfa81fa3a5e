//! `cargo xtask tidy`: checks the files that git tracks.
//!
//! A new check is a file in `checks` and a line in [`findings`].

mod checks;
mod finding;
mod layers;
mod read;

use crate::outcome::Result;
use crate::terminal;
use checks::{
    circles, columns, commands, crates, headers, layering, leaks, lengths, links, names, openings,
    regions, systems,
};
use finding::Finding;
use read::modules::modules;
use read::symbols::symbols;
use read::tree::Tree;

/// The findings of each check, with the check's name.
type Outcome = Vec<(&'static str, Vec<Finding>)>;

/// Prints all findings and a summary. `command` describes the command line of `cargo xtask`.
pub fn run(command: &clap::Command) -> Result<()> {
    let tree = Tree::of_git()?;
    let outcome = findings(&tree, command);
    let mut all: Vec<&Finding> = outcome.iter().flat_map(|(_, found)| found).collect();
    all.sort();
    for finding in &all {
        println!("{finding}");
    }
    terminal::heading(&format!(
        "{} files; half of the source files have at most {} lines",
        tree.files().len(),
        lengths::median(&tree)
    ));
    for (name, found) in outcome.iter().filter(|(_, found)| !found.is_empty()) {
        println!("{name:<12}{:>6}", found.len());
    }
    match all.len() {
        0 => Ok(()),
        1 => Err("tidy has 1 finding, expected none".to_string()),
        count => Err(format!("tidy has {count} findings, expected none")),
    }
}

fn findings(tree: &Tree, command: &clap::Command) -> Outcome {
    let modules = modules(tree);
    let symbols = symbols(tree);
    vec![
        ("headers", headers::check(tree)),
        ("columns", columns::check(tree)),
        ("lengths", lengths::check(tree)),
        ("layers", layering::check(tree, &modules)),
        ("circles", circles::check(&modules.edges)),
        ("crates", crates::check(tree)),
        ("regions", regions::check(tree, &modules)),
        ("links", links::check(tree)),
        ("commands", commands::check(tree, &symbols, command)),
        ("names", names::check(tree, &symbols)),
        ("openings", openings::check(tree)),
        ("leaks", leaks::check(tree)),
        ("systems", systems::check(tree)),
    ]
}
