//! Memories: the record of each, and the operations on them.

mod commit;
mod delete;
mod due;
mod listing;
mod older;
pub mod page;
mod places;
mod read;
pub mod record;
mod relocate;
mod sha256;
mod takedown;
mod trash;
