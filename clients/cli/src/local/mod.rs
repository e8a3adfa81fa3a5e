//! This machine: settings, the files of the user, and records of uploads.

pub mod error;
pub mod exact;
pub mod file_name;
pub mod folder;
pub mod mime;
pub mod part;
pub mod record;
pub mod settings;
pub mod source;
pub mod stdout;
pub mod target;
pub mod times;
