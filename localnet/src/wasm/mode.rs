//! The kinds of message that a canister runs.

use crate::prices;

/// The kind of message that a canister runs. It decides which system functions are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Start,
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
}

impl Mode {
    /// The name in error texts.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Start => "start",
            Mode::Init => "init",
            Mode::PreUpgrade => "pre upgrade",
            Mode::Update => "update",
            Mode::ReplicatedQuery => "replicated query",
            Mode::Query => "non replicated query",
            Mode::CompositeQuery => "composite query",
            Mode::ReplyCallback => "reply callback",
            Mode::RejectCallback => "reject callback",
            Mode::CompositeReplyCallback => "composite reply callback",
            Mode::CompositeRejectCallback => "composite reject callback",
            Mode::Cleanup => "cleanup",
            Mode::CompositeCleanup => "composite cleanup",
            Mode::Inspect => "inspect message",
            Mode::Timer => "global timer",
            Mode::Heartbeat => "heartbeat",
            Mode::LowMemory => "on low Wasm memory",
        }
    }

    pub fn is_composite(self) -> bool {
        matches!(
            self,
            Mode::CompositeQuery
                | Mode::CompositeReplyCallback
                | Mode::CompositeRejectCallback
                | Mode::CompositeCleanup
        )
    }

    /// Whether all replicas run it, so that its effects may stay.
    pub fn is_replicated(self) -> bool {
        !(self.is_composite() || matches!(self, Mode::Query | Mode::Inspect))
    }

    /// Bytes of stable memory that one run may touch.
    pub fn stable_access_limit(self) -> u64 {
        match self {
            Mode::Start | Mode::Init | Mode::PreUpgrade => prices::STABLE_ACCESS_INSTALL,
            Mode::Update
            | Mode::ReplyCallback
            | Mode::RejectCallback
            | Mode::Cleanup
            | Mode::Timer
            | Mode::Heartbeat
            | Mode::LowMemory => prices::STABLE_ACCESS_UPDATE,
            // the limit of queries holds however a query is called
            Mode::ReplicatedQuery
            | Mode::Query
            | Mode::CompositeQuery
            | Mode::CompositeReplyCallback
            | Mode::CompositeRejectCallback
            | Mode::CompositeCleanup
            | Mode::Inspect => prices::STABLE_ACCESS_QUERY,
        }
    }
}
