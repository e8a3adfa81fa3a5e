//! Copy-on-write memory: an anonymous file holds the committed bytes, and a message works on a
//! private mapping of it.
//!
//! After a trap the mapping is dropped, and nothing has changed. After a success the dirty pages
//! are written back. The kernel keeps both sparse: only touched pages cost memory, so 500 GiB of
//! stable memory are free until something writes to them.

mod image;
mod mapping;
mod pages;

pub use image::Image;
pub use mapping::Mapping;
pub use pages::*;
