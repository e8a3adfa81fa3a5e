//! Memories: the record of each, and the operations on them.

mod commit;
mod delete;
mod listing;
pub mod page;
mod read;
pub mod record;
mod sha256;
mod trash;
