//! Limits that more than one canister or client must agree on, with the compile-time guards that tie them together.

/// The most bytes of one chunk, and the chunk size that `upload_config` advises.
pub const MAX_CHUNK_BYTES: usize = 1_800_000;

/// The most chunks of one upload (29 GB at the full chunk size).
pub const MAX_CHUNKS: u32 = 16_384;

/// The largest ingress message, and the largest argument or reply between subnets (IC interface specification).
pub const MESSAGE_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// Room for everything in a put-chunk message that isn't the chunk: envelope, sender, method, Candid header, key.
pub const MESSAGE_OVERHEAD_BYTES: usize = 4 * 1024;

/// The largest value of `STABLE_BLOB_STORE`: the blob store's own bound of one chunk.
pub const STORE_VALUE_BOUND_BYTES: usize = 1_800_000;

/// The largest blob that `blob_read` returns whole; larger ones are read chunk by chunk.
pub const MAX_WHOLE_READ_BYTES: u64 = 2 * 1024 * 1024;

/// A name has 1 to this many bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 1_024;

/// All metadata of one asset, as Candid, has at most this many bytes.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;

/// An idempotency key has 1 to this many bytes of UTF-8.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 256;

/// An id in text form (capsule, memory, locator, cursor) or an opaque person reference has at most this many bytes.
pub const MAX_ID_BYTES: usize = 256;

/// The most memories in one page of `memories_list`, and the number when the caller names none.
pub const MAX_PAGE: u32 = 100;

const _: () = assert!(
    MAX_CHUNK_BYTES + MESSAGE_OVERHEAD_BYTES <= MESSAGE_LIMIT_BYTES,
    "a chunk and its call's overhead must fit one message"
);
const _: () = assert!(
    MAX_CHUNK_BYTES <= STORE_VALUE_BOUND_BYTES,
    "a chunk must fit one value of the blob store"
);
