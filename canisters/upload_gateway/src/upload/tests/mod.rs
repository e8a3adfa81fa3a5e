//! Uploads from begin to deletion, with calls that fail, wait and are cut off.

mod begin;
mod delete;
mod digest;
mod ending;
mod finish;
mod hash;
mod layout;
mod net;
mod put;
mod ranges;
mod status;
mod stem;
mod world;
