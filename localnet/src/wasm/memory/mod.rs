//! Copy-on-write memory: an anonymous file holds the committed bytes, and a message works on a
//! private mapping of it. This folder uses nothing else of this crate.
//!
//! A trap drops the mapping, and nothing has changed. A success writes the dirty pages back. The
//! kernel keeps both sparse: only touched pages cost memory. 500 GiB of stable memory are
//! therefore free until something writes to them.

mod image;
mod mapping;
mod pages;

pub use image::Image;
pub use mapping::Mapping;
pub use pages::*;
