//! Parses the tree of a `use` item.

use super::lexer::{Kind, Token};

/// One name that a `use` item brings into scope.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// The path, without a final `self` or `*`.
    pub path: Vec<String>,
    /// The name in this scope; `None` for `*`.
    pub name: Option<String>,
    pub line: usize,
}

/// Reads the tokens between `use` and `;`.
pub fn imports(tree: &[Token<'_>]) -> Vec<Import> {
    let mut found = Vec::new();
    let mut reader = Reader { tree, at: 0 };
    reader.subtree(&[], &mut found);
    found
}

struct Reader<'t, 'a> {
    tree: &'t [Token<'a>],
    at: usize,
}

impl<'a> Reader<'_, 'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tree.get(self.at).copied()
    }

    fn skip(&mut self, mark: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(mark));
        self.at += usize::from(found);
        found
    }

    fn subtree(&mut self, prefix: &[String], found: &mut Vec<Import>) {
        let mut path = prefix.to_vec();
        let line = self.peek().map_or(0, |token| token.line);
        while let Some(token) = self.peek() {
            self.at += 1;
            if token.kind == Kind::Word && token.text == "as" {
                let name = self.peek().map(|token| token.text.to_string());
                self.at += 1;
                self.finish(path, name, line, found);
                return;
            } else if token.kind == Kind::Word {
                path.push(token.text.to_string());
            } else if token.is("*") {
                found.push(Import {
                    path,
                    name: None,
                    line,
                });
                return;
            } else if token.is("{") {
                while self.peek().is_some() && !self.skip("}") {
                    self.subtree(&path, found);
                    self.skip(",");
                }
                return;
            } else if !token.is(":") {
                // A comma or a closing brace belongs to the caller.
                self.at -= 1;
                break;
            }
        }
        self.finish(path, None, line, found);
    }

    /// Ends a path; its last part is its name, unless `as` gave another one.
    fn finish(
        &mut self,
        mut path: Vec<String>,
        name: Option<String>,
        line: usize,
        found: &mut Vec<Import>,
    ) {
        // `a::{self}` imports `a`; a path of nothing but `self` stays.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.or_else(|| path.last().cloned());
        if name.is_some() {
            found.push(Import { path, name, line });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::read::lexer;

    fn read(tree: &str) -> Vec<(String, String)> {
        imports(&lexer::code(tree))
            .into_iter()
            .map(|import| {
                let name = import.name.unwrap_or_else(|| "*".to_string());
                (import.path.join("::"), name)
            })
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(a, b): &(&str, &str)| (a.to_string(), b.to_string());
        expected.iter().map(owned).collect()
    }

    #[test]
    fn one_path() {
        assert_eq!(read("crate::a::B"), pairs(&[("crate::a::B", "B")]));
        assert_eq!(read("::std::fs"), pairs(&[("std::fs", "fs")]));
    }

    #[test]
    fn braces_in_braces_with_new_names_and_globs() {
        assert_eq!(
            read("crate::{a::{self, B as C, d::*}, e, f as _,}"),
            pairs(&[
                ("crate::a", "a"),
                ("crate::a::B", "C"),
                ("crate::a::d", "*"),
                ("crate::e", "e"),
                ("crate::f", "_"),
            ])
        );
    }

    #[test]
    fn self_with_another_name() {
        assert_eq!(read("super::a::{self as b}"), pairs(&[("super::a", "b")]));
    }

    #[test]
    fn a_glob_of_the_parent() {
        assert_eq!(read("super::*"), pairs(&[("super", "*")]));
    }

    #[test]
    fn each_name_has_its_line() {
        let lines: Vec<_> = imports(&lexer::code("a::{\n b,\n c,\n}"))
            .iter()
            .map(|import| import.line)
            .collect();
        assert_eq!(lines, [2, 3]);
    }
}
