//! Documents name only commands and flags of `cargo xtask`, and packages, that exist.

use crate::tidy::finding::Finding;
use crate::tidy::read::markdown::{Kind, Piece};
use crate::tidy::read::prose::prose_with_code;
use crate::tidy::read::symbols::Symbols;
use crate::tidy::read::tree::{Language, Tree};
use clap::Command;

/// This begins a command of ours.
const PROGRAM: &str = "cargo xtask";

/// `command` describes the command line of `cargo xtask`.
pub fn check(tree: &Tree, symbols: &Symbols, command: &Command) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.files() {
        for block in prose_with_code(file) {
            let pieces = match block.kind {
                Kind::Code => vec![Piece {
                    line: block.line,
                    text: block.text.clone(),
                }],
                _ => block.inline_code(),
            };
            for piece in pieces {
                let mut texts = wrong_commands(&piece.text, command);
                if file.language == Language::Markdown {
                    texts.extend(wrong_packages(&piece.text, symbols));
                }
                let finding = |text| Finding::new(&file.path, piece.line, text);
                found.extend(texts.into_iter().map(finding));
            }
        }
    }
    found
}

fn wrong_commands(code: &str, command: &Command) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(PROGRAM) {
        let rest = &code[at + PROGRAM.len()..];
        // The comment of a shell, and the next command, are no arguments.
        let end = rest
            .find([';', '&', '|', '#', '"', '\''])
            .unwrap_or(rest.len());
        let mut words = rest[..end].split_whitespace();
        let Some(name) = words.next().filter(|_| rest.starts_with(' ')) else {
            continue;
        };
        if name == "help" || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        let Some(task) = command.find_subcommand(name) else {
            found.push(format!(
                "`{PROGRAM} {name}` is unknown, expected a command that exists"
            ));
            continue;
        };
        for word in words.map(|word| word.trim_matches(['[', ']'])) {
            let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) else {
                continue;
            };
            let flag = flag.split('=').next().unwrap_or(flag);
            let known = flag == "help" || task.get_arguments().any(|a| a.get_long() == Some(flag));
            if !known {
                found.push(format!(
                    "`{PROGRAM} {name} --{flag}` is unknown, expected a flag of that command"
                ));
            }
        }
    }
    found
}

/// Packages after `-p` in calls of cargo.
fn wrong_packages(code: &str, symbols: &Symbols) -> Vec<String> {
    if !code.contains("cargo ") {
        return Vec::new();
    }
    let words: Vec<&str> = code.split_whitespace().collect();
    let named = words
        .windows(2)
        .filter(|pair| pair[0] == "-p")
        .map(|pair| pair[1]);
    named
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter(|name| !symbols.packages.contains(*name))
        .map(|name| format!("the package {name} is unknown, expected one of the workspace"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn texts(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[(path, text), ("x/Cargo.toml", "[package]\nname = \"x\"\n")]);
        let symbols = crate::tidy::read::symbols::symbols(&tree);
        let soak = Command::new("soak").arg(Arg::new("seed").long("seed"));
        let command = Command::new(PROGRAM).subcommand(soak);
        let found = check(&tree, &symbols, &command);
        found.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn commands_that_exist() {
        for text in [
            "`cargo xtask` lists them, cargo xtask prose is no code",
            "`cargo xtask soak --seed S`, `cargo xtask soak [--seed=1]`, `cargo xtask help`",
            "    cargo xtask soak   # --not-a-flag",
            "`cargo xtask <command>`, `cargo test -p x`, `cargo test -p <package>`",
        ] {
            assert_eq!(texts("a.md", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn commands_flags_and_packages_that_do_not() {
        assert!(texts("a.md", "`cargo xtask soke`")[0].contains("`cargo xtask soke` is unknown"));
        assert!(texts("a.md", "    cargo xtask soke\n")[0].contains("soke"));
        assert!(texts("a.md", "`cargo xtask soak --sead 1`")[0].contains("--sead"));
        assert!(texts("a.md", "`cargo test -p y`")[0].contains("package y"));
        assert!(texts("a.rs", "//! See `cargo xtask soke`.")[0].contains("soke"));
    }
}
