//! Patterns of what doesn't count in a folder.

use globset::{Error, GlobBuilder, GlobMatcher};
use std::path::Path;
use std::str::FromStr;

/// A pattern of what doesn't count.
///
/// | pattern | excludes |
/// | --- | --- |
/// | `*.tmp` | each name that fits, at any depth |
/// | `cache/` | the same, but only folders |
/// | `/notes`, `a/*.txt`, `**/b/c` | what fits the whole path below the folder |
#[derive(Clone, Debug)]
pub struct Pattern {
    paths: GlobMatcher,
    only_folders: bool,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let folder = text.strip_suffix('/');
        let rest = folder.unwrap_or(text);
        let glob = match rest.contains('/') {
            true => rest.trim_start_matches("./").trim_start_matches('/').into(),
            false => format!("**/{rest}"),
        };
        let wrong = |reason: &str| format!("{reason}, expected a pattern like *.tmp or cache/");
        if matches!(glob.as_str(), "" | "**/") {
            return Err(wrong("it is empty"));
        }
        // globset's own text repeats a pattern that isn't quite the user's
        let paths = compile(&glob).map_err(|error| wrong(&error.kind().to_string()))?;
        Ok(Self {
            paths,
            only_folders: folder.is_some(),
        })
    }
}

fn compile(glob: &str) -> Result<GlobMatcher, Error> {
    let glob = GlobBuilder::new(glob).literal_separator(true).build()?;
    Ok(glob.compile_matcher())
}

/// Patterns of what doesn't count.
#[derive(Debug, Default)]
pub struct Exclude(Vec<Pattern>);

impl Exclude {
    pub fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// Whether a path below the folder doesn't count.
    pub fn matches(&self, relative: &Path, is_folder: bool) -> bool {
        let mut patterns = self.0.iter();
        patterns
            .any(|pattern| (is_folder || !pattern.only_folders) && pattern.paths.is_match(relative))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclude(patterns: &[&str]) -> Exclude {
        let parsed = patterns.iter().map(|pattern| pattern.parse().unwrap());
        Exclude::new(parsed.collect())
    }

    fn excludes(pattern: &str, path: &str) -> bool {
        exclude(&[pattern]).matches(Path::new(path), false)
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
        let exclude = exclude(&["cache/", "a/b/"]);
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
            let error = empty.parse::<Pattern>().unwrap_err();
            assert!(error.contains("it is empty"), "{error}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_refused_with_its_reason() {
        for wrong in ["a[", "{a", "b/{c"] {
            let error = wrong.parse::<Pattern>().unwrap_err();
            let expected = ", expected a pattern like *.tmp or cache/";
            assert!(error.ends_with(expected), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_fit() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.tmp");
        let exclude = exclude(&["*.tmp"]);
        assert!(exclude.matches(Path::new(name), false));
    }
}
