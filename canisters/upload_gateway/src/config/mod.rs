//! The gateway's settings: their ranges, what a change would do, and how they are stored.

mod ranges;
mod record;
mod report;
mod settings;

pub use settings::{Config, MAX_STORES, check_peer};
