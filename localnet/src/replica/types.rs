//! The inputs and outputs of a network.

use crate::prices;
use candid::Principal;
use serde::{Deserialize, Serialize};

/// Reject codes of the IC interface specification.
pub mod code {
    pub const SYS_FATAL: u64 = 1;
    pub const SYS_TRANSIENT: u64 = 2;
    pub const DESTINATION_INVALID: u64 = 3;
    pub const CANISTER_REJECT: u64 = 4;
    pub const CANISTER_ERROR: u64 = 5;
    pub const SYS_UNKNOWN: u64 = 6;
}

/// The reason why a call was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// From 1 to 6, see [`code`].
    pub code: u64,
    /// The finer code of the replica, such as 503 for a trap.
    pub error_code: u64,
    pub message: String,
    /// False if the network refused the message on arrival.
    pub certified: bool,
}

impl Reject {
    /// An error of the replica. The reject code is the hundreds of the error code.
    pub fn new(error_code: u64, message: impl Into<String>) -> Self {
        Self {
            code: error_code / 100,
            error_code,
            message: message.into(),
            certified: true,
        }
    }

    /// The reject of a request that the network refuses before it is a message.
    pub fn no_message(message: impl Into<String>) -> Self {
        Self {
            certified: false,
            ..Self::new(0, message)
        }
    }

    /// The reject for a canister that does not exist.
    pub fn not_found(canister: Principal) -> Self {
        Self::new(301, format!("Canister {canister} not found"))
    }

    /// The reject of a canister that lacks `missing` cycles.
    pub fn out_of_cycles(canister: Principal, missing: u128) -> Self {
        Self::new(
            207,
            format!(
                "Canister {canister} is out of cycles: please top up the canister with at least {} \
                 additional cycles",
                prices::cycles(missing)
            ),
        )
    }
}

/// The value `()` in Candid.
pub const EMPTY_REPLY: &[u8] = b"DIDL\0\0";

/// A reply in Candid, or a reject.
pub type Answer = Result<Vec<u8>, Reject>;

/// The id of an ingress message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 32]);

/// A call from outside.
#[derive(Clone, Debug)]
pub struct Call {
    pub sender: Principal,
    pub canister: Principal,
    pub method: String,
    pub arg: Vec<u8>,
    /// The canister or subnet that a management call is about.
    pub effective: Option<Principal>,
}

impl Call {
    /// The bytes of the call's request in CBOR.
    pub fn bytes(&self) -> usize {
        prices::ingress_bytes(
            self.sender.as_slice().len(),
            self.method.len(),
            self.arg.len(),
        )
    }
}

#[derive(Clone, Debug)]
pub enum IngressStatus {
    Unknown,
    Pending,
    Done(Answer),
}

/// The number of subnets of each kind, the start time in nanoseconds since 1970, and options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkConfig {
    pub application_subnets: usize,
    pub system_subnets: usize,
    pub verified_application: usize,
    pub cloud_engine: usize,
    pub nns: bool,
    pub ii: bool,
    pub fiduciary: bool,
    pub sns: bool,
    pub bitcoin: bool,
    pub initial_time: Option<u64>,
    /// Whether canisters may install code and write memory in a round without limits.
    #[serde(default)]
    pub no_rate_limiting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubnetKind {
    Nns,
    Ii,
    Fiduciary,
    Sns,
    Bitcoin,
    System,
    Application,
    VerifiedApplication,
    CloudEngine,
}

#[derive(Clone, Debug)]
pub struct SubnetInfo {
    pub id: Principal,
    pub kind: SubnetKind,
    /// The first and the last id of each range; both belong to it.
    pub canister_ranges: Vec<(Principal, Principal)>,
    pub node_count: usize,
}
