//! The committed interface.

mod interface;
