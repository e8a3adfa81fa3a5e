//! Limits of an application subnet, as recorded from an official server.

/// Instructions of one update call, callback or task.
pub const UPDATE_INSTRUCTIONS: u64 = 40_000_000_000;
/// Instructions of one query. A composite query and all queries that it calls have them together.
pub const QUERY_INSTRUCTIONS: u64 = 5_000_000_000;
/// Instructions of `canister_inspect_message`.
pub const INSPECT_INSTRUCTIONS: u64 = 200_000_000;
/// Instructions of installing code, compilation and hooks together.
pub const INSTALL_INSTRUCTIONS: u64 = 300_000_000_000;
/// Instructions of installing code that each round forgives a canister. The network refuses the
/// next installation until all are forgiven.
pub const INSTALL_INSTRUCTIONS_PER_ROUND: u64 = 2_000_000_000;

/// Bytes of an ingress message, the request id included.
pub const MAX_INGRESS: usize = 2_097_152;
/// Bytes of the request id. They count for the ingress limit, but not for the fee.
pub const REQUEST_ID_BYTES: usize = 32;
/// Bytes of a request between canisters.
pub const MAX_REQUEST: usize = 10_485_760;
/// Bytes of a reply.
pub const MAX_REPLY: usize = 2_097_152;
/// Bytes of a reply to a query from outside.
pub const MAX_QUERY_REPLY: usize = 3_145_728;
/// Bytes of a reject message.
pub const MAX_REJECT_MESSAGE: usize = 8_192;
/// Bytes of a canister's log.
pub const MAX_LOG: usize = 4_096;
/// Bytes of a chunk in the chunk store.
pub const MAX_CHUNK: usize = 1_048_576;
/// Bytes of a method name.
pub const MAX_METHOD_NAME: usize = 20_000;
/// Requests from one canister to one callee that may be in flight.
pub const MAX_CALLS_TO_ONE: usize = 500;
/// Levels of composite queries below the first. A query at the last level makes no calls.
pub const MAX_COMPOSITE_DEPTH: usize = 6;
/// Instructions that each query called by a composite query costs, besides its own. The source is
/// the replica's configuration (`INSTRUCTION_OVERHEAD_PER_QUERY_CALL`).
pub const COMPOSITE_CALL_INSTRUCTIONS: u64 = 50_000_000;
/// The longest bounded wait of a call, in seconds.
pub const MAX_TIMEOUT_SECONDS: u32 = 300;
/// How long `stop_canister` waits, in seconds.
pub const STOP_TIMEOUT_SECONDS: u64 = 300;
/// Bytes of heap that the settings allow unless they say otherwise.
pub const WASM_MEMORY_LIMIT: u64 = 3_221_225_472;
/// The largest `wasm_memory_limit` in bytes, 2^48. The source is the replica's check of settings.
pub const MAX_WASM_MEMORY_LIMIT: u64 = 1 << 48;
/// Bytes of stable memory that an update, a callback or a task may touch.
pub const STABLE_ACCESS_UPDATE: u64 = 2_147_483_648;
/// Bytes of stable memory that a hook of an installation may touch. The source is the replica's
/// configuration (`STABLE_MEMORY_ACCESSED_PAGE_LIMIT_UPGRADE`).
pub const STABLE_ACCESS_INSTALL: u64 = 8_589_934_592;
/// Bytes of stable memory that a query may touch.
pub const STABLE_ACCESS_QUERY: u64 = 1_073_741_824;
/// Bytes of memory pages that a canister may write in each round: 75 MiB. Above it the canister
/// skips rounds. The source is the replica's configuration (`heap_delta_rate_limit`).
pub const HEAP_DELTA_PER_ROUND: u64 = 75 << 20;
/// Snapshots of one canister. The source is the replica's configuration
/// (`MAX_NUMBER_OF_SNAPSHOTS_PER_CANISTER`).
pub const MAX_SNAPSHOTS: usize = 10;
/// Instructions of taking or loading a snapshot. Each byte of it costs 1 more. The source is the
/// replica's configuration (`DEFAULT_CANISTERS_SNAPSHOT_BASELINE_INSTRUCTIONS`).
pub const SNAPSHOT_INSTRUCTIONS: u64 = 2_000_000_000;
