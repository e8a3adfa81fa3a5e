//! Memories: the record of each, and the operations on them.

mod commit;
mod delete;
mod page;
mod read;
pub mod record;
mod trash;
