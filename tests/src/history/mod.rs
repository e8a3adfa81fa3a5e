//! Random histories on the real wasm: several people upload at once while calls between the canisters fail, canisters
//! stop, freeze and are upgraded, and the clock jumps. Then everything is mended, and what is there must be what was
//! acknowledged, exactly.

mod audit;
mod judge;
mod model;
mod plan;
mod run;
mod send;
mod soak;
mod world;

pub use plan::{History, history};
pub use run::run;
pub use soak::{Failure, Report, soak};

/// What was found wrong, in words.
pub type Checked<T = ()> = Result<T, String>;
