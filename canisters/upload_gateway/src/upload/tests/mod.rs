//! Uploads from begin to deletion, with calls that fail, wait and break off.

mod begin;
mod delete;
mod finish;
mod put;
mod world;
