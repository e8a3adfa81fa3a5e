//! How a command ends: with a value, or with a text that the user can act on.

/// The error says what was wrong and what was expected, without a final full stop.
pub type Result<T> = std::result::Result<T, String>;
