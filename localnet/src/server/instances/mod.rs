//! The networks of a server: each behind a lock of its own, with its automatic rounds and its
//! journal.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `event` | everything that can happen to a network from outside |
//! | `journal` | the file that keeps the events of a network in their order |
//! | `live_network` | a network that records each event before it applies it |
//! | `slot` | a live network, or why there is none any more |
//! | `progress` | the background task that runs rounds |
//! | `instance` | one slot, its turns, and its progress |
//! | `registry` | all instances of a server by their ids |
//!
//! It uses the network and `server::refusal`. It knows neither PocketIC's protocol nor agents.

pub mod event;
pub mod instance;
pub mod journal;
pub mod live_network;
pub mod progress;
pub mod registry;
pub mod slot;
