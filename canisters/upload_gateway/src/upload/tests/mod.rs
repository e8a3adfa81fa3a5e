//! Uploads from begin to deletion, with calls that fail, wait and are cut off.

mod begin;
mod delete;
mod digest;
mod ending;
mod finish;
mod hash;
mod layout;
mod layout_trash;
mod net;
mod put;
mod rights;
mod status;
mod stem;
mod trash;
mod world;
