//! Patterns of what doesn't count in a folder.

use crate::local::folder::error::FolderError;
use globset::{GlobBuilder, GlobSet};
use std::path::Path;

/// Patterns of what doesn't count.
///
/// | pattern | excludes |
/// | --- | --- |
/// | `*.tmp` | each name that fits, at any depth |
/// | `cache/` | the same, but only folders |
/// | `/notes`, `a/*.txt`, `**/b/c` | what fits the whole path below the folder |
#[derive(Debug, Default)]
pub struct Exclude {
    any: GlobSet,
    folders: GlobSet,
}

impl Exclude {
    pub fn new(patterns: &[String]) -> Result<Self, FolderError> {
        let (mut any, mut folders) = (GlobSet::builder(), GlobSet::builder());
        for pattern in patterns {
            let (set, rest) = match pattern.strip_suffix('/') {
                Some(rest) => (&mut folders, rest),
                None => (&mut any, pattern.as_str()),
            };
            let glob = match rest.contains('/') {
                true => rest.trim_start_matches("./").trim_start_matches('/').into(),
                false => format!("**/{rest}"),
            };
            if matches!(glob.as_str(), "" | "**/") {
                let (pattern, reason) = (pattern.clone(), "it is empty".to_string());
                return Err(FolderError::Pattern { pattern, reason });
            }
            let mut glob = GlobBuilder::new(&glob);
            set.add(
                glob.literal_separator(true)
                    .build()
                    .map_err(wrong(pattern))?,
            );
        }
        let all = patterns.join(" ");
        Ok(Self {
            any: any.build().map_err(wrong(&all))?,
            folders: folders.build().map_err(wrong(&all))?,
        })
    }

    /// Whether a path below the folder doesn't count.
    pub fn matches(&self, relative: &Path, is_folder: bool) -> bool {
        self.any.is_match(relative) || (is_folder && self.folders.is_match(relative))
    }
}

/// The error of a pattern; globset's own text repeats a pattern that isn't quite the user's.
fn wrong(pattern: &str) -> impl Fn(globset::Error) -> FolderError {
    move |error| FolderError::Pattern {
        pattern: pattern.to_string(),
        reason: error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(pattern: &str, path: &str) -> bool {
        let exclude = Exclude::new(&[pattern.to_string()]).unwrap();
        exclude.matches(Path::new(path), false)
    }

    #[test]
    fn a_name_fits_at_any_depth() {
        for path in ["x.tmp", "a/x.tmp", "a/b/x.tmp", "a/.tmp"] {
            assert!(excludes("*.tmp", path), "{path}");
        }
        for path in ["x.tmp2", "x.tmp/a"] {
            assert!(!excludes("*.tmp", path), "{path}");
        }
        assert!(excludes("[ab]?.{jpg,png}", "x/a1.png"));
    }

    #[test]
    fn a_pattern_with_a_slash_fits_the_whole_path() {
        assert!(excludes("a/*.txt", "a/x.txt"));
        assert!(!excludes("a/*.txt", "b/a/x.txt"));
        assert!(!excludes("a/*.txt", "a/b/x.txt"));
        assert!(excludes("**/a/*.txt", "b/a/x.txt"));
        assert!(excludes("a/**", "a/b/x.txt"));
        for top in ["/notes", "./notes"] {
            assert!(excludes(top, "notes"));
            assert!(!excludes(top, "a/notes"));
        }
    }

    #[test]
    fn a_final_slash_fits_folders_only() {
        let exclude = Exclude::new(&["cache/".to_string(), "a/b/".to_string()]).unwrap();
        assert!(exclude.matches(Path::new("x/cache"), true));
        assert!(!exclude.matches(Path::new("x/cache"), false));
        assert!(exclude.matches(Path::new("a/b"), true));
        assert!(!exclude.matches(Path::new("x/a/b"), true));
    }

    #[test]
    fn no_pattern_excludes_nothing() {
        assert!(!Exclude::default().matches(Path::new("a"), true));
    }

    /// It would exclude everything.
    #[test]
    fn an_empty_pattern_is_an_error() {
        for empty in ["", "/", "//"] {
            let error = Exclude::new(&[empty.to_string()]).unwrap_err().to_string();
            assert!(error.contains("it is empty"), "{error}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        let error = Exclude::new(&["a[".to_string()]).unwrap_err();
        assert!(
            error.to_string().starts_with("\"a[\" is not a pattern"),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_fit() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.tmp");
        let exclude = Exclude::new(&["*.tmp".to_string()]).unwrap();
        assert!(exclude.matches(Path::new(name), false));
    }
}
