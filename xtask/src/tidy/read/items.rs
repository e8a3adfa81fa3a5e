//! Reads what one Rust file declares and uses, apart from its unit tests.

use super::lexer::{Kind, Token, code};
use super::uses::{Import, imports};

/// Words that begin an item or a statement, which ends with `;` or a block.
const ITEM_WORDS: [&str; 16] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "let",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "union",
    "unsafe",
    "use",
];

/// `mod name;` or `mod name { … }`.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// The inline modules around it, outermost first.
    pub scope: Vec<String>,
    pub name: String,
    /// Whether the module's body is in this file.
    pub inline: bool,
    /// Whether only tests compile it.
    pub test: bool,
}

/// `a::b::c` in code.
#[derive(Debug, PartialEq, Eq)]
pub struct Qualified {
    pub path: Vec<String>,
    pub line: usize,
}

#[derive(Debug, Default)]
pub struct Items {
    pub modules: Vec<Module>,
    /// Each with the inline modules around it.
    pub imports: Vec<(Vec<String>, Import)>,
    /// Each with the inline modules around it.
    pub qualified: Vec<(Vec<String>, Qualified)>,
    /// Whether the whole file is compiled for tests only.
    pub test: bool,
}

/// Reads a file. Everything under `#[cfg(test)]` is left out, except the names of modules.
pub fn items(source: &str) -> Items {
    let tokens = code(source);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        depth: 0,
        scope: Vec::new(),
        found: Items::default(),
    };
    while reader.at < tokens.len() {
        reader.step();
    }
    reader.found
}

/// The tokens that are compiled without tests.
pub fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    without(tokens, is_test)
}

/// The tokens outside the items with a certain attribute. There are none if the whole file has it.
pub fn without<'a>(tokens: &[Token<'a>], certain: impl Fn(&[Token<'_>]) -> bool) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match attribute(tokens, at) {
            Some(end) if certain(&tokens[at..end]) => {
                if tokens[at + 1].is("!") && kept.is_empty() {
                    return kept;
                }
                at = end_of_item(tokens, end);
            }
            _ => {
                kept.push(tokens[at]);
                at += 1;
            }
        }
    }
    kept
}

struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    /// Open braces.
    depth: usize,
    /// Inline modules that are open, with the number of braces around each.
    scope: Vec<(String, usize)>,
    found: Items,
}

impl<'a> Reader<'_, 'a> {
    fn token(&self, at: usize) -> Option<Token<'a>> {
        self.tokens.get(at).copied()
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.token(at).is_some_and(|token| token.is(text))
    }

    fn is_word(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| token.kind == Kind::Word)
    }

    fn names(&self) -> Vec<String> {
        self.scope.iter().map(|(name, _)| name.clone()).collect()
    }

    fn step(&mut self) {
        let token = self.tokens[self.at];
        if let Some(end) = attribute(self.tokens, self.at) {
            let test = is_test(&self.tokens[self.at..end]);
            if test && self.is(self.at + 1, "!") {
                self.found.test = true;
                self.at = end;
            } else if test {
                self.skip_test(end);
            } else {
                // Paths inside an attribute, such as `#[serde(with = …)]`, are no imports.
                self.at = end;
            }
        } else if token.is("mod") && self.is_word(self.at + 1) {
            self.module(self.at, false);
        } else if token.is("use") && !self.is(self.at + 1, "<") {
            self.import();
        } else if token.is("{") {
            self.depth += 1;
            self.at += 1;
        } else if token.is("}") {
            self.depth = self.depth.saturating_sub(1);
            self.scope.retain(|(_, depth)| *depth < self.depth + 1);
            self.at += 1;
        } else if token.kind == Kind::Word && self.begins_path() {
            self.path();
        } else {
            self.at += 1;
        }
    }

    /// Leaves out an item of tests, but keeps the name of a module.
    fn skip_test(&mut self, end: usize) {
        let mut at = end;
        while let Some(next) = attribute(self.tokens, at) {
            at = next;
        }
        at = after_visibility(self.tokens, at);
        if self.is(at, "mod") && self.is_word(at + 1) {
            self.module(at, true);
        }
        self.at = end_of_item(self.tokens, end);
    }

    fn module(&mut self, at: usize, test: bool) {
        let name = self.tokens[at + 1].text.to_string();
        let inline = self.is(at + 2, "{");
        self.found.modules.push(Module {
            scope: self.names(),
            name: name.clone(),
            inline,
            test,
        });
        if inline && !test {
            self.scope.push((name, self.depth + 1));
        }
        self.at = at + 2;
    }

    fn import(&mut self) {
        let rest = &self.tokens[self.at + 1..];
        let len = rest.iter().position(|token| token.is(";"));
        let len = len.unwrap_or(rest.len());
        let names = self.names();
        for import in imports(&rest[..len]) {
            self.found.imports.push((names.clone(), import));
        }
        self.at += 1 + len;
    }

    /// Whether a word starts a path of at least two parts, and isn't the rest of one.
    fn begins_path(&self) -> bool {
        let before = |count: usize, text: &str| {
            self.at
                .checked_sub(count)
                .is_some_and(|at| self.is(at, text))
        };
        let double = |mark: &str| before(1, mark) && before(2, mark);
        let inside = double(":") || (before(1, ".") && !double("."));
        // `pub(in crate::a)` names an ancestor, which is no import.
        let visibility = before(1, "in") && before(2, "(");
        !inside && !visibility && self.is(self.at + 1, ":") && self.is(self.at + 2, ":")
    }

    fn path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut path = vec![self.tokens[self.at].text.to_string()];
        self.at += 1;
        while self.is(self.at, ":") && self.is(self.at + 1, ":") && self.is_word(self.at + 2) {
            path.push(self.tokens[self.at + 2].text.to_string());
            self.at += 3;
        }
        let names = self.names();
        self.found.qualified.push((names, Qualified { path, line }));
    }
}

/// The end of an attribute that begins here.
fn attribute(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.is(text));
    if !is(at, "#") {
        return None;
    }
    let open = at + 1 + usize::from(is(at + 1, "!"));
    is(open, "[").then(|| closing(tokens, open))
}

/// The place after the bracket that closes the one here.
fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.kind != Kind::Mark {
            continue;
        }
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => (),
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Whether an attribute is `#[cfg(test)]`, or `#[cfg(…)]` with `test` and without `not`.
fn is_test(attribute: &[Token<'_>]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.is(word));
    has("cfg") && has("test") && !has("not")
}

fn after_visibility(tokens: &[Token<'_>], at: usize) -> usize {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.is(text));
    match (is(at, "pub"), is(at + 1, "(")) {
        (true, true) => closing(tokens, at + 1),
        (true, false) => at + 1,
        _ => at,
    }
}

/// The place after the item, statement, field or arm that begins here.
fn end_of_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    while let Some(end) = attribute(tokens, at) {
        at = end;
    }
    let first = after_visibility(tokens, at);
    let whole = tokens
        .get(first)
        .is_some_and(|token| ITEM_WORDS.iter().any(|word| token.is(word)));
    let mut at = first;
    while let Some(token) = tokens.get(at) {
        match (token.kind, token.text) {
            (Kind::Mark, "{") => return closing(tokens, at),
            (Kind::Mark, ";") => return at + 1,
            (Kind::Mark, ",") if !whole => return at + 1,
            (Kind::Mark, "(" | "[") => at = closing(tokens, at),
            // The end of the struct or block around it.
            (Kind::Mark, ")" | "]" | "}") => return at,
            _ => at += 1,
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(source: &str) -> Vec<String> {
        let all = items(source).imports;
        all.iter().map(|(_, i)| i.path.join("::")).collect()
    }

    fn qualified(source: &str) -> Vec<String> {
        let all = items(source).qualified;
        all.iter().map(|(_, q)| q.path.join("::")).collect()
    }

    #[test]
    fn imports_and_paths_in_code() {
        let source = "
            pub use crate::a::B;
            fn f(x: crate::c::D) -> impl Sized + use<'_> {
                use super::e;
                let y = e::g::<u8>(); y.h::<super::I>(); <u8 as crate::j::K>::l()
            }
        ";
        assert_eq!(imported(source), ["crate::a::B", "super::e"]);
        assert_eq!(
            qualified(source),
            ["crate::c::D", "e::g", "super::I", "crate::j::K"]
        );
    }

    #[test]
    fn tests_and_attributes_are_left_out() {
        let source = "
            #[cfg(test)] use crate::a::A;
            #[cfg(test)] #[derive(Debug)] pub(crate) struct B { c: crate::c::C }
            struct D { #[cfg(test)] e: crate::e::E, f: crate::f::F }
            #[cfg(not(test))] use crate::g::G;
            #[cfg(test)] mod tests { use super::*; fn t() { crate::h::i() } }
            #[serde(with = crate::j::k)] fn l() { crate::m::n() }
        ";
        assert_eq!(imported(source), ["crate::g::G"]);
        assert_eq!(qualified(source), ["crate::f::F", "crate::m::n"]);
        let kept = without_tests(&code(source));
        assert!(!kept.iter().any(|token| token.is("tests") || token.is("e")));
        assert!(kept.iter().any(|token| token.is("m")));
    }

    #[test]
    fn modules_with_their_scope() {
        let source = "mod a; pub mod b { mod c; use super::d; } #[cfg(test)] mod tests; mod e;";
        let found = items(source);
        let names: Vec<_> = found
            .modules
            .iter()
            .map(|m| (m.scope.join("::"), m.name.as_str(), m.inline, m.test))
            .collect();
        assert_eq!(
            names,
            [
                (String::new(), "a", false, false),
                (String::new(), "b", true, false),
                ("b".to_string(), "c", false, false),
                (String::new(), "tests", false, true),
                (String::new(), "e", false, false),
            ]
        );
        assert_eq!(found.imports[0].0, ["b"]);
    }

    #[test]
    fn a_visibility_is_no_import() {
        assert_eq!(
            qualified("pub(in crate::a) fn b() {}"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_file_of_tests_says_so() {
        assert!(items("#![cfg(test)] use super::a;").test);
        assert!(!items("#![allow(dead_code)] use super::a;").test);
    }
}
