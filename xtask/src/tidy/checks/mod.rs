//! The checks, one in each file.

pub mod circles;
pub mod columns;
pub mod commands;
pub mod crates;
pub mod headers;
pub mod layering;
pub mod leaks;
pub mod lengths;
pub mod links;
pub mod names;
pub mod openings;
pub mod regions;
pub mod systems;
