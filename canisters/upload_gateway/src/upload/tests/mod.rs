//! Uploads from begin to deletion, with calls that fail, wait and break off.

mod begin;
mod delete;
mod finish;
mod hash;
mod layout;
mod put;
mod stem;
mod world;
