//! The names that the repository defines, for checks of documents.

use super::lexer::{Kind, Token, code};
use super::manifest::Manifest;
use super::modules::{packages, within};
use super::tree::{Language, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// A function and where it is.
pub struct Function {
    /// The folders, the file and the inline modules around it.
    pub module: Vec<String>,
    pub test: bool,
}

#[derive(Default)]
pub struct Symbols {
    /// All identifiers in Rust, and all words of interfaces, scripts and settings.
    pub words: BTreeSet<String>,
    /// The words inside strings of Rust, such as names of environment variables and log lines.
    pub quoted: BTreeSet<String>,
    pub functions: BTreeMap<String, Vec<Function>>,
    /// All modules, as [`Function::module`] names them.
    pub modules: BTreeSet<Vec<String>>,
    /// The names of the packages, and of the crates that they need.
    pub packages: BTreeSet<String>,
    pub dependencies: BTreeSet<String>,
}

pub fn symbols(tree: &Tree) -> Symbols {
    let mut found = Symbols::default();
    let packages = packages(tree);
    for file in tree.files() {
        match file.language {
            Language::Rust => found.add_rust(&file.text, module_of(&file.path, &packages)),
            Language::Markdown | Language::Lock | Language::Other => (),
            _ => found.words.extend(words(&file.text)),
        }
    }
    for manifest in packages.into_values() {
        found.packages.extend(manifest.package);
        let names = manifest.dependencies.into_iter().map(|d| d.name);
        found.dependencies.extend(names);
    }
    found
}

/// The parts of a path that name modules: `a/src/b/mod.rs` is `b` in the crate of folder `a`.
fn module_of(path: &str, packages: &BTreeMap<String, Manifest>) -> Vec<String> {
    let owners = packages.iter().filter_map(|(folder, manifest)| {
        let inside = path.strip_prefix(&within(folder, ""))?;
        Some((inside, manifest.package.as_deref()?))
    });
    // The innermost package owns the file.
    let owner = owners.min_by_key(|(inside, _)| inside.len());
    let (inside, name) = owner.map_or((path, None), |(inside, name)| (inside, Some(name)));
    let stem = inside.trim_end_matches(".rs");
    let parts = stem.split('/');
    let modules = parts.filter(|part| !matches!(*part, "src" | "mod" | "lib" | "main"));
    let name = name.map(|name| name.replace('-', "_"));
    name.into_iter()
        .chain(modules.map(str::to_string))
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| c != '_' && !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_string)
}

impl Symbols {
    fn add_rust(&mut self, source: &str, module: Vec<String>) {
        let tokens = code(source);
        let mut scope: Vec<(usize, String)> = Vec::new();
        let mut depth = 0;
        let mut test = false;
        let path = |scope: &[(usize, String)]| {
            let mut path = module.clone();
            path.extend(scope.iter().map(|(_, name)| name.clone()));
            path
        };
        self.modules.insert(module.clone());
        for (at, token) in tokens.iter().enumerate() {
            let named = tokens.get(at + 1).filter(|next| next.kind == Kind::Word);
            match token.kind {
                Kind::Word => {
                    self.words.insert(token.text.to_string());
                }
                Kind::Text => self.quoted.extend(words(token.text)),
                _ => (),
            }
            if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                depth -= 1;
                scope.retain(|(inside, _)| *inside <= depth);
            } else if token.is("mod") && tokens.get(at + 2).is_some_and(|t| t.is("{")) {
                scope.push((depth + 1, tokens[at + 1].text.to_string()));
                self.modules.insert(path(&scope));
            } else if is_test_attribute(&tokens[at..]) {
                test = true;
            } else if let (true, Some(name)) = (token.is("fn"), named) {
                let function = Function {
                    module: path(&scope),
                    test: std::mem::take(&mut test),
                };
                let all = self.functions.entry(name.text.to_string());
                all.or_default().push(function);
            }
        }
    }
}

/// `#[test]` or `#[a::test]`.
fn is_test_attribute(tokens: &[Token<'_>]) -> bool {
    let open = tokens.len() > 2 && tokens[0].is("#") && tokens[1].is("[");
    let name = |token: &&Token<'_>| token.kind == Kind::Word || token.is(":");
    open && tokens[2..]
        .iter()
        .take_while(name)
        .last()
        .is_some_and(|last| last.is("test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_know_their_module_and_whether_they_are_tests() {
        let found = symbols(&Tree::of(&[
            ("x/a/Cargo.toml", "[package]\nname = \"a-b\"\n"),
            (
                "x/a/src/b/mod.rs",
                "fn c() {} mod tests { #[test] #[cfg(x)] fn d() {} fn e() {} } fn f() { g() }",
            ),
        ]));
        let of = |name: &str| {
            let function = &found.functions[name][0];
            (function.module.join("::"), function.test)
        };
        assert_eq!(of("c"), ("a_b::b".to_string(), false));
        assert_eq!(of("d"), ("a_b::b::tests".to_string(), true));
        assert_eq!(of("e"), ("a_b::b::tests".to_string(), false));
        assert_eq!(of("f"), ("a_b::b".to_string(), false));
        assert!(!found.functions.contains_key("g") && found.words.contains("g"));
        assert!(found.packages.contains("a-b"));
    }

    #[test]
    fn words_of_comments_define_nothing() {
        let found = symbols(&Tree::of(&[
            ("a.rs", "// one\nfn two() { three(\"FOUR=1\") }"),
            ("b.did", "service : { five : () -> () }"),
        ]));
        assert!(!found.words.contains("one"));
        assert!(found.words.contains("three") && found.words.contains("five"));
        assert!(found.quoted.contains("FOUR") && !found.words.contains("FOUR"));
    }
}
