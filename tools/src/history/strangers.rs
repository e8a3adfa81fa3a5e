//! The strangers who flood a gateway, and its settings.

use capsule_shared::gateway::GatewayArgs;

/// Few sessions in all, so that a flood is quick.
const MAX_SESSIONS: u32 = 100;

/// Whether strangers flood the gateway while a history runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// Nobody floods it, and it has its usual settings.
    None,
    /// Nobody floods it, but it has the settings of a flooded one.
    Absent,
    Flood,
}

impl Strangers {
    pub(super) fn settings(self) -> GatewayArgs {
        match self {
            Strangers::None => GatewayArgs::default(),
            Strangers::Absent | Strangers::Flood => GatewayArgs {
                max_sessions: Some(MAX_SESSIONS),
                ..GatewayArgs::default()
            },
        }
    }
}

/// The knowledge of the strangers.
pub(super) struct Flood {
    pub capsules: Vec<String>,
    /// The sessions that they began, with who did.
    pub sessions: Vec<(usize, u64)>,
    /// The calls sent so far.
    pub calls: usize,
}
