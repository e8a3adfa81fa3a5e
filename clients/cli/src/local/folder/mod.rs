//! Folders: their files, the paths that travel with memories, and where a memory is written.

pub mod enter;
pub mod error;
pub mod exclude;
pub mod key;
pub mod name;
pub mod place;
pub mod plan;
pub mod several;
pub mod walk;
