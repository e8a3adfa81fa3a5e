//! Kinds of message in which a system function is allowed, where several functions share them.

use crate::wasm::mode::Mode::{self, *};

pub const ANSWER: &[Mode] = &[
    Update,
    ReplicatedQuery,
    Query,
    CompositeQuery,
    ReplyCallback,
    RejectCallback,
    CompositeReplyCallback,
    CompositeRejectCallback,
];
pub const ARGUMENT: &[Mode] = &[
    Init,
    Update,
    ReplicatedQuery,
    Query,
    CompositeQuery,
    ReplyCallback,
    CompositeReplyCallback,
    Inspect,
];
pub const CALL: &[Mode] = &[
    Update,
    ReplyCallback,
    RejectCallback,
    Timer,
    Heartbeat,
    LowMemory,
    CompositeQuery,
    CompositeReplyCallback,
    CompositeRejectCallback,
];
pub const CALL_WITH_CYCLES: &[Mode] = &[
    Update,
    ReplyCallback,
    RejectCallback,
    Timer,
    Heartbeat,
    LowMemory,
];
pub const CYCLES: &[Mode] = &[Update, ReplicatedQuery, ReplyCallback, RejectCallback];
pub const CALLBACK: &[Mode] = &[
    ReplyCallback,
    RejectCallback,
    CompositeReplyCallback,
    CompositeRejectCallback,
];
pub const CERTIFY: &[Mode] = &[
    Init,
    PreUpgrade,
    Update,
    ReplyCallback,
    RejectCallback,
    Timer,
    Heartbeat,
    LowMemory,
];
pub const LASTING: &[Mode] = &[
    Init,
    PreUpgrade,
    Update,
    ReplyCallback,
    RejectCallback,
    Cleanup,
    Timer,
    Heartbeat,
    LowMemory,
];
pub const REPLICATED: &[Mode] = &[
    Init,
    PreUpgrade,
    Update,
    ReplicatedQuery,
    ReplyCallback,
    RejectCallback,
    Cleanup,
    Timer,
    Heartbeat,
    LowMemory,
];
/// All but the start function.
pub const ANY: &[Mode] = &[
    Init,
    PreUpgrade,
    Update,
    ReplicatedQuery,
    Query,
    CompositeQuery,
    ReplyCallback,
    RejectCallback,
    CompositeReplyCallback,
    CompositeRejectCallback,
    Cleanup,
    CompositeCleanup,
    Inspect,
    Timer,
    Heartbeat,
    LowMemory,
];
