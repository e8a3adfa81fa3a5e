//! The work that no caller waits for: a durable queue, and the worker that the timer wakes.

pub mod counts;
pub mod queue;
mod worker;
