//! A name that a stranger may have chosen, as the name of one file or folder.

use crate::local::file_name::{cleaned, is_refused, trim_end};
use std::ffi::OsString;

/// The most bytes of a name.
///
/// Source: the limit of the usual file systems on Linux. Others count characters, so it fits there.
const MOST_BYTES: usize = 255;

/// An extension up to this long stays when a name is shortened.
///
/// Source: our choice; the longest usual ones have about ten bytes.
const MOST_EXTENSION: usize = 32;

/// The rules of a machine's file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Some characters and endings are forbidden.
    pub windows: bool,
    /// `A` and `a` name one file.
    pub fold_case: bool,
}

impl Rules {
    /// The rules of the system that this program was built for.
    pub const HERE: Rules = Rules {
        windows: cfg!(windows),
        fold_case: cfg!(any(windows, target_os = "macos")),
    };

    /// A name that a file can have and that leads nowhere else. It is shortened if it is too long,
    /// but not its extension.
    pub fn safe(&self, name: &[u8]) -> OsString {
        let mut safe = cleaned(self.windows, name);
        if safe == b"." || safe == b".." {
            safe.insert(0, b'_');
        }
        let (stem, extension) = halves(&safe);
        let mut safe = joined(stem, b"", extension);
        // it may end elsewhere now
        trim_end(self.windows, &mut safe);
        match safe.is_empty() {
            true => "_".into(),
            false => os_string(safe),
        }
    }

    /// `name` with `mark` before its extension.
    pub fn marked(&self, name: &OsString, mark: &str) -> OsString {
        let (stem, extension) = halves(name.as_encoded_bytes());
        let mark: String = mark
            .chars()
            .map(|char| {
                if is_refused(self.windows, char) {
                    '_'
                } else {
                    char
                }
            })
            .take(MOST_BYTES / 8)
            .collect();
        os_string(joined(stem, format!(" ({mark})").as_bytes(), extension))
    }
}

/// The name and its extension with the dot. A long extension is a part of the name.
fn halves(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(at) if at > 0 && name.len() - at <= MOST_EXTENSION => name.split_at(at),
        _ => (name, b""),
    }
}

/// The three parts in one name, the first one shortened if they are too long.
fn joined(stem: &[u8], mark: &[u8], extension: &[u8]) -> Vec<u8> {
    let room = MOST_BYTES - mark.len() - extension.len();
    let mut end = stem.len().min(room);
    // A character isn't cut. One has at most 4 bytes, and what isn't text may be cut anywhere.
    let inside = |end: usize| stem.get(end).is_some_and(|byte| byte & 0xC0 == 0x80);
    while end > room.saturating_sub(3) && inside(end) {
        end -= 1;
    }
    [&stem[..end], mark, extension].concat()
}

#[cfg(unix)]
fn os_string(name: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(name)
}

#[cfg(not(unix))]
fn os_string(name: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&name).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::file_name::{is_device, safe_name_on};
    use proptest::prelude::*;

    const LINUX: Rules = Rules {
        windows: false,
        fold_case: false,
    };
    const WINDOWS: Rules = Rules {
        windows: true,
        fold_case: true,
    };

    fn safe(rules: Rules, name: &str) -> String {
        rules.safe(name.as_bytes()).into_string().unwrap()
    }

    #[test]
    fn ordinary_names_stay() {
        for name in [
            "a.jpg",
            ".profile",
            "a b (1).tar.gz",
            "Größe.txt",
            "console",
            "COM10",
            "...",
        ] {
            assert_eq!(safe(LINUX, name), name);
        }
        assert_eq!(safe(LINUX, "a:b?.txt "), "a:b?.txt ");
    }

    #[test]
    fn control_characters_become_underscores() {
        assert_eq!(safe(LINUX, "a\nb\x1b[31m\u{85}\0c\x7f"), "a_b_[31m__c_");
        assert_eq!(safe(LINUX, "a/b"), "a_b");
    }

    #[test]
    fn names_of_devices_get_another_name_on_every_system() {
        for name in [
            "CON",
            "nul",
            "aux.c",
            "Com1.txt",
            "lpt².x.y",
            "CONIN$",
            "prn .txt",
        ] {
            assert_eq!(safe(LINUX, name), format!("_{name}"));
            assert_eq!(safe(WINDOWS, name), format!("_{name}"));
        }
    }

    #[test]
    fn windows_gets_no_streams_and_no_final_dots() {
        assert_eq!(safe(WINDOWS, "a:b?*<c>|\"\\d. . "), "a_b___c____d");
        assert_eq!(safe(WINDOWS, "..."), "_");
        assert_eq!(safe(WINDOWS, "nul:x"), "nul_x");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let long = safe(LINUX, &format!("{}.jpeg", "é".repeat(200)));
        assert_eq!(long, format!("{}.jpeg", "é".repeat(125)));
        let no_extension = safe(LINUX, &"a".repeat(300));
        assert_eq!(no_extension, "a".repeat(255));
        let exact = "a".repeat(255);
        assert_eq!(safe(LINUX, &exact), exact);
    }

    #[test]
    fn a_mark_stands_before_the_extension() {
        let marked = |name: &str| LINUX.marked(&name.into(), "mem_7").into_string().unwrap();
        assert_eq!(marked("a.jpg"), "a (mem_7).jpg");
        assert_eq!(marked(".profile"), ".profile (mem_7)");
        assert_eq!(marked(&"a".repeat(255)).len(), 255);
        let hostile = LINUX.marked(&"a".into(), "../\n");
        assert_eq!(hostile, "a (.._\u{5F})");
    }

    proptest! {
        #[test]
        fn no_name_is_unsafe(bytes in prop::collection::vec(any::<u8>(), 0..600), windows: bool) {
            let rules = Rules { windows, fold_case: windows };
            let safe = rules.safe(&bytes);
            for name in [rules.marked(&safe, "mem_1"), safe] {
                let bytes = name.as_encoded_bytes();
                prop_assert!(!bytes.is_empty() && bytes.len() <= MOST_BYTES);
                prop_assert!(!bytes.contains(&b'/') && bytes != b"." && bytes != b"..");
                prop_assert!(!name.to_string_lossy().chars().any(char::is_control));
                prop_assert!(!is_device(&name.to_string_lossy()));
            }
        }

        /// A file gets one name, whether it is downloaded alone or with all others.
        #[test]
        fn a_name_is_the_same_alone_and_in_a_folder(
            name in "([ab.:\n \u{202e}]{0,6}|CON|nul.|\\PC{0,40})", windows: bool,
        ) {
            let rules = Rules { windows, fold_case: windows };
            prop_assume!(!name.contains(['/', '\\']));
            if let Ok(alone) = safe_name_on(windows, &name) {
                prop_assert_eq!(rules.safe(name.as_bytes()), OsString::from(alone));
            }
        }

        #[test]
        fn a_safe_name_stays(text in "\\PC{0,300}", windows: bool) {
            let rules = Rules { windows, fold_case: windows };
            let once = rules.safe(text.as_bytes());
            prop_assert_eq!(rules.safe(once.as_encoded_bytes()), once);
        }
    }
}
