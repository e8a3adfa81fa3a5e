//! A finding: a place in a file, and what is wrong there.

use std::fmt;

/// Findings sort by path and line, as people read them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the workspace's folder, with `/`.
    pub path: String,
    /// Counts from 1.
    pub line: usize,
    /// `what is wrong, expected what`.
    pub text: String,
}

impl Finding {
    pub fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: path.to_string(),
            line,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}
