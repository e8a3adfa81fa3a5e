//! Capsules: the record of each, and the operations on them.

pub mod controllers;
pub mod create;
mod read;
pub mod record;
pub mod subject;
