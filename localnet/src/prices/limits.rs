//! Limits of an application subnet, as recorded from an official server.

pub const UPDATE_INSTRUCTIONS: u64 = 40_000_000_000;
pub const QUERY_INSTRUCTIONS: u64 = 5_000_000_000;
pub const INSPECT_INSTRUCTIONS: u64 = 200_000_000;
pub const INSTALL_INSTRUCTIONS: u64 = 300_000_000_000;
/// Instructions of installing code that a canister may spend in each round on average; until then the next is refused.
pub const INSTALL_INSTRUCTIONS_PER_ROUND: u64 = 2_000_000_000;

pub const MAX_INGRESS: usize = 2_097_152;
/// Counted for the ingress limit, not for the fee: the request id.
pub const REQUEST_ID_BYTES: usize = 32;
pub const MAX_REQUEST: usize = 10_485_760;
pub const MAX_REPLY: usize = 2_097_152;
pub const MAX_QUERY_REPLY: usize = 3_145_728;
pub const MAX_REJECT_MESSAGE: usize = 8_192;
pub const MAX_LOG: usize = 4_096;
pub const MAX_CHUNK: usize = 1_048_576;
pub const MAX_METHOD_NAME: usize = 20_000;
pub const MAX_CALLS_TO_ONE: usize = 500;
pub const MAX_COMPOSITE_DEPTH: usize = 6;
pub const MAX_TIMEOUT_SECONDS: u32 = 300;
pub const STOP_TIMEOUT_SECONDS: u64 = 300;
pub const WASM_MEMORY_LIMIT: u64 = 3_221_225_472;
/// Bytes of stable memory that one message may touch.
pub const STABLE_ACCESS_UPDATE: u64 = 2_147_483_648;
pub const STABLE_ACCESS_QUERY: u64 = 1_073_741_824;
