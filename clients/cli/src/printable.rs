//! Text of others on a terminal: names, MIME types and error texts may hold anything.

use std::borrow::Cow;
use std::path::Path;

/// The text on one line, without codes that a terminal obeys: each such character is escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_code) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_code(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The same JSON, without characters that a terminal obeys. Readers of JSON get exact texts.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_code) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match is_code(c) {
            // JSON on one line has such characters only in its texts, and all have 16 bits
            true => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// A path on one line, for people.
pub fn printable_path(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// Whether a character moves the cursor, begins a code of the terminal, or changes the order of
/// what is shown.
pub fn is_code(c: char) -> bool {
    let reorders = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    // Lines and paragraphs have separators of their own beside the newline.
    c.is_control() || reorders || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_escaped_and_other_text_stays() {
        for (text, shown) in [
            ("a.jpg", "a.jpg"),
            ("größe 写真 👩‍👧.jpg", "größe 写真 👩‍👧.jpg"),
            ("a\nmem_9  b", r"a\nmem_9  b"),
            ("\u{1b}[2J\u{7}", r"\u{1b}[2J\u{7}"),
            ("\r\t\u{7f}", r"\r\t\u{7f}"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("gpj.\u{202e}exe", r"gpj.\u{202e}exe"),
            ("a\u{2028}b", r"a\u{2028}b"),
            (r"C:\new", r"C:\new"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn json_stays_exact() {
        for text in [
            "a\n\u{1b}",
            "\u{7f}\u{9b}",
            "\u{202e}x\u{2028}\u{61c}",
            "ü\\\"",
        ] {
            let json = serde_json::json!({ "name": text }).to_string();
            let shown = printable_json(&json);
            assert!(!shown.contains(is_code), "{shown}");
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(read["name"], text);
        }
    }
}
