//! PocketIC's REST protocol: makes instances and HTTP gateways, and drives networks operation by
//! operation.
//!
//! The protocol is the public types of `pocket_ic::common::rest`. This room uses all other rooms of
//! the server.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `answer` | answers and refusals in JSON |
//! | `blobs`, `graph` | what clients leave here: uploaded bytes, and operations that they poll |
//! | `state` | what all requests share |
//! | `json_body`, `target` | what a request asks for: its body, its instance, how long it waits |
//! | `operation` | runs one operation on an instance |
//! | `config`, `types` | the types of the protocol, converted to those of the network and back |
//! | `lifecycle`, `read`, `update`, `progress`, `http_gateways` | the endpoints |
//! | `statistics`, `process` | the endpoints that only localnet has |
//! | `routes` | which path leads to which endpoint |

mod answer;
mod blobs;
mod config;
mod graph;
mod http_gateways;
mod json_body;
mod lifecycle;
mod operation;
mod process;
mod progress;
mod read;
pub mod routes;
mod state;
mod statistics;
mod target;
mod types;
mod update;
