//! Memories: the record of each, and the operations on them.

mod commit;
mod delete;
mod read;
pub mod record;
