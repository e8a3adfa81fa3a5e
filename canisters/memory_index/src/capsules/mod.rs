//! Capsules: the record of each, and the operations on them.

pub mod controllers;
pub mod create;
pub mod grants;
pub mod read;
pub mod record;
pub mod subject;
