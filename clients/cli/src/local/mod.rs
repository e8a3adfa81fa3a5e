//! This machine: settings, the files of the user, and records of uploads.

pub mod error;
pub mod folder;
pub mod record;
pub mod settings;
pub mod source;
pub mod target;
