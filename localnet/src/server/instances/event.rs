//! The events that come to a network from outside, as the journal records them.

use candid::Principal;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// An event from outside. Times are nanoseconds since 1970.
///
/// Journals hold these names: a changed one makes old journals unreadable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    Submit {
        /// The message id that an agent chose, and when the message expires.
        agent: Option<(ByteBuf, u64)>,
        sender: Principal,
        canister: Principal,
        method: String,
        arg: ByteBuf,
        effective: Option<Principal>,
    },
    Tick,
    /// A round at the time of the wall clock, if that is later than the network's time.
    TickAt(u64),
    SetTime(u64),
    /// An amount of cycles in decimal digits, since CBOR has no integers of 128 bits.
    AddCycles(Principal, String),
    SetStableMemory(Principal, ByteBuf),
}
