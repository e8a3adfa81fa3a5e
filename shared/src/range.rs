//! The bytes that a reader of `blob_read_range` gets, by the rules of HTTP's ranges.

use crate::error::{Error, Result};
use crate::limits::MAX_RANGE_BYTES;

/// How many bytes a read of `length` bytes from `offset` returns, of a blob of `size` bytes.
///
/// A range that begins within the blob and ends behind it is shortened to the blob's end, as HTTP
/// does. So a reader may ask for the full length until it has `size` bytes.
///
/// `InvalidArgument` for a length of 0 or above [`MAX_RANGE_BYTES`], and for an offset at the end
/// or behind it.
pub fn range_len(size: u64, offset: u64, length: u64) -> Result<u64> {
    if length == 0 || length > MAX_RANGE_BYTES {
        return Err(Error::invalid(format!(
            "length is {length}, expected 1 to {MAX_RANGE_BYTES}"
        )));
    }
    if offset >= size {
        return Err(Error::invalid(format!(
            "offset is {offset}, expected 0 to {}",
            size.saturating_sub(1)
        )));
    }
    Ok(length.min(size - offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_with_the_blob() {
        assert_eq!(range_len(10, 0, 10), Ok(10));
        assert_eq!(range_len(10, 9, 1), Ok(1));
        assert_eq!(range_len(10, 9, 2), Ok(1));
        assert_eq!(range_len(10, 3, MAX_RANGE_BYTES), Ok(7));
        assert_eq!(range_len(u64::MAX, u64::MAX - 1, MAX_RANGE_BYTES), Ok(1));
    }

    #[test]
    fn other_ranges_are_refused_with_what_was_expected() {
        let text = |offset, length| match range_len(10, offset, length) {
            Err(Error::InvalidArgument(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text(0, 0), "length is 0, expected 1 to 2000000");
        assert_eq!(
            text(0, 2_000_001),
            "length is 2000001, expected 1 to 2000000"
        );
        assert_eq!(text(10, 1), "offset is 10, expected 0 to 9");
        assert_eq!(
            text(u64::MAX, 1),
            "offset is 18446744073709551615, expected 0 to 9"
        );
        assert_eq!(
            text(u64::MAX, u64::MAX),
            "length is 18446744073709551615, expected 1 to 2000000"
        );
        assert!(range_len(0, 0, 1).is_err());
    }
}
