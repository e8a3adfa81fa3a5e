//! Splits Rust source into tokens, so that checks never mistake a comment or a string for code.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or keyword, without `r#`.
    Word,
    Number,
    /// A string, without its quotes but with its escapes.
    Text,
    /// A comment with its marks.
    Comment,
    /// One character of punctuation.
    Mark,
    /// A character literal or a lifetime.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// The line of the first character, from 1.
    pub line: usize,
}

impl Token<'_> {
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// All tokens in order, comments included.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        source,
        at: 0,
        line: 1,
    };
    std::iter::from_fn(|| lexer.next()).collect()
}

/// The tokens without comments.
pub fn code(source: &str) -> Vec<Token<'_>> {
    let mut all = tokens(source);
    all.retain(|token| token.kind != Kind::Comment);
    all
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    /// Takes `len` bytes as a token whose text leaves out `before` and `after` bytes of them.
    fn take(&mut self, kind: Kind, len: usize, before: usize, after: usize) -> Token<'a> {
        let whole = &self.rest()[..len];
        let token = Token {
            kind,
            text: &whole[before..len - after],
            line: self.line,
        };
        self.line += whole.matches('\n').count();
        self.at += len;
        token
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let blank = self.rest().len() - self.rest().trim_start().len();
        self.take(Kind::Other, blank, 0, 0);
        let rest = self.rest();
        let first = rest.chars().next()?;
        Some(if rest.starts_with("//") {
            let len = rest.find('\n').unwrap_or(rest.len());
            self.take(Kind::Comment, len, 0, 0)
        } else if rest.starts_with("/*") {
            self.take(Kind::Comment, block_comment(rest), 0, 0)
        } else if let Some((len, before, after)) = string(rest) {
            self.take(Kind::Text, len, before, after)
        } else if first == '\'' {
            self.take(Kind::Other, character_or_lifetime(rest), 0, 0)
        } else if first.is_ascii_digit() {
            self.take(Kind::Number, number(rest), 0, 0)
        } else if let Some(name) = rest.strip_prefix("r#").filter(|name| word(name) > 0) {
            self.take(Kind::Word, 2 + word(name), 2, 0)
        } else if word(rest) > 0 {
            self.take(Kind::Word, word(rest), 0, 0)
        } else {
            self.take(Kind::Mark, first.len_utf8(), 0, 0)
        })
    }
}

/// The length of the identifier at the beginning; 0 if there is none.
fn word(rest: &str) -> usize {
    let part = |c: char| c == '_' || c.is_alphanumeric();
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    rest.find(|c| !part(c)).unwrap_or(rest.len())
}

fn number(rest: &str) -> usize {
    let part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let whole = rest.find(|c| !part(c)).unwrap_or(rest.len());
    let after = &rest[whole..];
    // `1.5` is one number, `1..5` and `1.max(2)` are not.
    match after.strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            whole + 1 + fraction.find(|c| !part(c)).unwrap_or(fraction.len())
        }
        _ => whole,
    }
}

/// The length of a comment, with the comments inside it.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a string literal, and of its marks before and after the text.
fn string(rest: &str) -> Option<(usize, usize, usize)> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix) && rest[prefix.len()..].starts_with(['"', '#']))?;
    let after = &rest[prefix.len()..];
    if !prefix.ends_with('r') {
        let body = after.strip_prefix('"')?;
        let mut escaped = false;
        for (at, c) in body.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return Some((prefix.len() + 1 + at + 1, prefix.len() + 1, 1)),
                _ => (),
            }
        }
        return Some((rest.len(), prefix.len() + 1, 0));
    }
    let hashes = after.len() - after.trim_start_matches('#').len();
    // `r#name` is an identifier.
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = prefix.len() + hashes + 1;
    Some(match body.find(&end) {
        Some(at) => (before + at + end.len(), before, end.len()),
        None => (rest.len(), before, 0),
    })
}

fn character_or_lifetime(rest: &str) -> usize {
    let body = &rest[1..];
    if let Some(escape) = body.strip_prefix('\\') {
        // The escaped character may be a quote.
        let skip = escape.chars().next().map_or(0, char::len_utf8);
        return escape[skip..]
            .find('\'')
            .map_or(rest.len(), |at| 2 + skip + at + 1);
    }
    let len = body.chars().next().map_or(0, char::len_utf8);
    if body[len..].starts_with('\'') {
        1 + len + 1
    } else {
        1 + word(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, kind: Kind) -> Vec<&str> {
        let of_kind = |token: &&Token<'_>| token.kind == kind;
        let all = tokens(source);
        all.iter().filter(of_kind).map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        let source = r##"
            use a; // use b
            /* use c /* use d */ use e */
            let s = "use f \" use g"; let r = r#"use "h""#; let b = b"i"; let c = 'j'; let d = '"';
        "##;
        assert_eq!(
            texts(source, Kind::Word),
            [
                "use", "a", "let", "s", "let", "r", "let", "b", "let", "c", "let", "d"
            ]
        );
        assert_eq!(
            texts(source, Kind::Text),
            [r#"use f \" use g"#, r#"use "h""#, "i"]
        );
        assert_eq!(
            texts(source, Kind::Comment),
            ["// use b", "/* use c /* use d */ use e */"]
        );
    }

    #[test]
    fn lifetimes_characters_and_numbers() {
        let source = r"fn f<'a>(x: &'a str) { '\''; '\u{1f}'; 'é'; 1.5; 0..9; 1_000u64; r#type }";
        assert_eq!(
            texts(source, Kind::Other),
            ["'a", "'a", r"'\''", r"'\u{1f}'", "'é'"]
        );
        assert_eq!(texts(source, Kind::Number), ["1.5", "0", "9", "1_000u64"]);
        assert!(texts(source, Kind::Word).contains(&"type"));
    }

    #[test]
    fn lines_count_on_through_strings_and_comments() {
        let all = tokens("a\n\"b\nc\"\n/* d\n*/ e");
        let lines: Vec<_> = all.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 4, 5]);
    }

    #[test]
    fn source_that_ends_too_early_still_ends() {
        for source in ["\"a", "r#\"a", "/* a", "'", "'\\", "r#", "b'"] {
            tokens(source);
        }
    }
}
