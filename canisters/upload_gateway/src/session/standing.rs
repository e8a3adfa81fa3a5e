//! How well the gateway knows the owner of a session.

/// The layer above says who is known; this layer shares the room between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// A stranger. All strangers together hold at most half of the sessions.
    New,
    /// At least half of the sessions is for known owners.
    Known,
}

impl Standing {
    pub const ALL: [Standing; 2] = [Standing::New, Standing::Known];

    /// How stored keys begin.
    pub(super) fn byte(self) -> u8 {
        match self {
            Standing::New => 0,
            Standing::Known => 1,
        }
    }
}
