//! The result of every check in a history.

/// The reason in words when a check fails.
pub type Checked<T = ()> = Result<T, String>;
