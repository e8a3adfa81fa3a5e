//! Limits that several canisters or clients must agree on, and compile-time checks between them.
//!
//! A changed value changes what clients may send or what stores hold, so a test below repeats each
//! number.

/// The most bytes of one chunk, and the chunk size that `upload_config` advises.
///
/// Source: the frozen upload interface, which advertises this number.
pub const MAX_CHUNK_BYTES: usize = 1_800_000;

/// The most chunks of one upload: 29.5 GB at the full chunk size.
///
/// Source: the frozen upload interface. `uploads_begin` answers `InvalidArgument` above it.
pub const MAX_CHUNKS: u32 = 16_384;

/// The largest ingress message, and the largest argument or reply between subnets, in bytes.
///
/// Source: the IC interface specification.
pub const MESSAGE_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// Bytes kept free in a put-chunk message beside the chunk.
///
/// Source: an upper bound for the envelope, sender, method name, Candid header and blob key.
pub const MESSAGE_OVERHEAD_BYTES: usize = 4 * 1024;

/// The largest value of the region `STABLE_BLOB_STORE` in bytes: the store's own bound of a chunk.
///
/// Source: version 1 of the blob store's layout, which holds one chunk in one value.
pub const STORE_VALUE_BOUND_BYTES: usize = 1_800_000;

/// The most bytes that `blob_read` returns whole. A larger blob is read in chunks or ranges.
///
/// Source: the frozen upload interface allows 2 MiB. The platform gives the reply of a composite
/// query that made calls 2 MiB with its Candid, so 1 KiB is left for that.
pub const MAX_WHOLE_READ_BYTES: u64 = 2 * 1024 * 1024 - 1_024;

/// The most bytes that `blob_read_range` returns.
///
/// Source: a reply inside a composite query has at most 2 MiB, with its Candid.
pub const MAX_RANGE_BYTES: u64 = 2_000_000;

/// A name has 1 to this many bytes of UTF-8.
///
/// Source: our choice; a listed page of names must fit one reply.
pub const MAX_NAME_BYTES: usize = 1_024;

/// The most bytes of all metadata of one asset, encoded as Candid.
///
/// Source: our choice; metadata is stored with each session and each memory.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;

/// An idempotency key has 1 to this many bytes of UTF-8.
///
/// Source: our choice; it leaves room for a hash or a path.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 256;

/// The most bytes of an id in text form (capsule, memory, locator, cursor) or of an opaque person.
///
/// Source: our choice; our own ids need at most 40 bytes.
pub const MAX_ID_BYTES: usize = 256;

/// The most memories in one page of `memories_list`, and the default when the caller names none.
///
/// Source: our choice; a page of the largest headers must fit one reply.
pub const MAX_PAGE: u32 = 100;

const _: () = assert!(
    MAX_CHUNK_BYTES + MESSAGE_OVERHEAD_BYTES <= MESSAGE_LIMIT_BYTES,
    "a chunk and the overhead of its call must fit one message"
);
const _: () = assert!(
    MAX_RANGE_BYTES as usize + MESSAGE_OVERHEAD_BYTES <= MESSAGE_LIMIT_BYTES,
    "a range and its Candid must fit one reply"
);
const _: () = assert!(
    MAX_WHOLE_READ_BYTES <= 2 * MAX_RANGE_BYTES,
    "two ranges must cover a blob that is read whole"
);
const _: () = assert!(
    MAX_CHUNK_BYTES <= STORE_VALUE_BOUND_BYTES,
    "a chunk must fit one value of the blob store"
);

#[cfg(test)]
mod tests {
    use super::*;

    /// A change here is a change of the interface or of stored data, never a tidy-up.
    #[test]
    fn the_limits_are_these_numbers() {
        assert_eq!(MAX_CHUNK_BYTES, 1_800_000);
        assert_eq!(MAX_CHUNKS, 16_384);
        assert_eq!(MESSAGE_LIMIT_BYTES, 2_097_152);
        assert_eq!(MESSAGE_OVERHEAD_BYTES, 4_096);
        assert_eq!(STORE_VALUE_BOUND_BYTES, 1_800_000);
        assert_eq!(MAX_WHOLE_READ_BYTES, 2_096_128);
        assert_eq!(MAX_RANGE_BYTES, 2_000_000);
        assert_eq!(MAX_NAME_BYTES, 1_024);
        assert_eq!(MAX_METADATA_BYTES, 16_384);
        assert_eq!(MAX_IDEMPOTENCY_KEY_BYTES, 256);
        assert_eq!(MAX_ID_BYTES, 256);
        assert_eq!(MAX_PAGE, 100);
    }
}
