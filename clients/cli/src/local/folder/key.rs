//! The relative path of a file as text: the `storage_key` in the metadata of its memory.
//!
//! Parts are separated by `/`. Names are text, and not every name of a file is text: bytes that are
//! no UTF-8 become U+FFFD and two hexadecimal digits. So do U+FFFD itself and `\`, which separates
//! parts on Windows. Two paths therefore never have one key, and ordinary names stay as they are.

use std::path::{Component, Path};

/// Stands before the two digits of an escaped byte.
const ESCAPE: char = char::REPLACEMENT_CHARACTER;

/// The key of a file at `relative` in its folder.
pub fn key_of(relative: &Path) -> String {
    let names = relative.components().filter_map(|part| match part {
        Component::Normal(name) => Some(encode(name.as_encoded_bytes())),
        _ => None,
    });
    names.collect::<Vec<_>>().join("/")
}

/// The names in a key, as bytes that needn't be text.
///
/// Anybody may have written the key. `\` separates like `/`, because no key of ours has it. Empty
/// parts, `.` and `..` are left out, so no name leads out of its folder.
pub fn names(key: &str) -> Vec<Vec<u8>> {
    let parts = key.split(['/', '\\']);
    let parts = parts.filter(|part| !matches!(*part, "" | "." | ".."));
    parts.map(decode).collect()
}

/// The key that `key_of` would make of a key that anybody may have written.
pub fn normalized(key: &str) -> String {
    let names = names(key);
    let names = names.iter().map(|name| encode(name));
    names.collect::<Vec<_>>().join("/")
}

fn encode(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            if must_escape(char) {
                escape(char.encode_utf8(&mut [0; 4]).as_bytes(), &mut text);
            } else {
                text.push(char);
            }
        }
        escape(chunk.invalid(), &mut text);
    }
    text
}

fn must_escape(char: char) -> bool {
    matches!(char, ESCAPE | '\\')
}

fn escape(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push(ESCAPE);
        text.push_str(&format!("{byte:02X}"));
    }
}

fn decode(part: &str) -> Vec<u8> {
    let mut name = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find(ESCAPE) {
        name.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let length = match escaped(&rest[ESCAPE.len_utf8()..]) {
            Some(byte) => {
                name.push(byte);
                ESCAPE.len_utf8() + 2
            }
            None => {
                name.extend_from_slice(&rest.as_bytes()[..ESCAPE.len_utf8()]);
                ESCAPE.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    name.extend_from_slice(rest.as_bytes());
    name
}

/// The byte that the first two characters stand for.
///
/// Only bytes that `encode` escapes count. Others could hide a separator or a control character.
fn escaped(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    let upper = |digit: u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
    if !digits.bytes().all(upper) {
        return None;
    }
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (byte >= 0x80 || byte == b'\\').then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: Vec<Vec<u8>>) -> Vec<String> {
        let text = |name: Vec<u8>| String::from_utf8(name).unwrap();
        names.into_iter().map(text).collect()
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for path in ["a.jpg", "2024/Größe 100%.txt", "a b/c#d/日本.png"] {
            assert_eq!(key_of(Path::new(path)), path);
            assert_eq!(normalized(path), path);
        }
    }

    #[test]
    fn a_key_has_only_names_and_forward_slashes() {
        for (path, key) in [
            ("./a//b/./c", "a/b/c"),
            ("/a/b", "a/b"),
            ("a/../b", "a/b"),
            ("", ""),
        ] {
            assert_eq!(key_of(Path::new(path)), key, "{path}");
        }
    }

    #[test]
    fn foreign_keys_name_nothing_outside() {
        for (key, expected) in [
            ("/etc/passwd", vec!["etc", "passwd"]),
            ("../../a", vec!["a"]),
            ("..\\..\\a", vec!["a"]),
            ("C:\\photos\\a.jpg", vec!["C:", "photos", "a.jpg"]),
            ("a/./b/", vec!["a", "b"]),
            ("..", vec![]),
            ("", vec![]),
            ("...", vec!["..."]),
        ] {
            assert_eq!(strings(names(key)), expected, "{key}");
        }
    }

    #[test]
    fn a_separator_is_never_hidden_in_an_escape() {
        for hidden in [
            "a\u{FFFD}2Fb",
            "\u{FFFD}2E\u{FFFD}2E",
            "a\u{FFFD}00",
            "a\u{FFFD}0Ab",
        ] {
            assert_eq!(strings(names(hidden)), [hidden]);
        }
        for broken in [
            "\u{FFFD}",
            "\u{FFFD}E",
            "\u{FFFD}é9",
            "\u{FFFD}e9",
            "\u{FFFD}+9",
        ] {
            assert_eq!(strings(names(broken)), [broken]);
        }
    }

    #[cfg(unix)]
    mod bytes {
        use super::*;
        use proptest::prelude::*;
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        fn path(bytes: &[u8]) -> &Path {
            Path::new(OsStr::from_bytes(bytes))
        }

        #[test]
        fn names_that_are_no_text_have_readable_keys_of_their_own() {
            let keys = [
                key_of(path(b"caf\xe9.jpg")),
                key_of(path(b"caf\xe8.jpg")),
                key_of(path("caf\u{FFFD}E9.jpg".as_bytes())),
                key_of(path("caf\u{FFFD}.jpg".as_bytes())),
                key_of(path(b"caf\\.jpg")),
            ];
            assert_eq!(keys[0], "caf\u{FFFD}E9.jpg");
            assert_eq!(keys[2], "caf\u{FFFD}EF\u{FFFD}BF\u{FFFD}BDE9.jpg");
            assert_eq!(keys[4], "caf\u{FFFD}5C.jpg");
        }

        proptest! {
            /// The names come back from the key, so two paths never share one.
            #[test]
            fn every_name_comes_back_from_its_key(
                parts in prop::collection::vec(
                    prop_oneof![
                        prop::collection::vec(1..=255u8, 1..12),
                        "[a\u{FFFD}E9F\\\\%é]{1,8}".prop_map(String::into_bytes),
                    ],
                    1..5,
                )
            ) {
                let usable = |name: &Vec<u8>| {
                    !name.contains(&b'/') && !matches!(name.as_slice(), b"." | b"..")
                };
                prop_assume!(parts.iter().all(usable));
                let joined = parts.join(&b'/');
                let key = key_of(path(&joined));
                prop_assert_eq!(names(&key), parts);
                prop_assert_eq!(normalized(&key), key);
            }

            #[test]
            fn any_text_is_a_key_without_separators_in_its_names(key in any::<String>()) {
                for name in names(&key) {
                    prop_assert!(!name.is_empty() && !name.contains(&b'/'));
                    prop_assert!(name != b"." && name != b"..");
                }
                let once = normalized(&key);
                prop_assert_eq!(normalized(&once), once);
            }
        }
    }
}
