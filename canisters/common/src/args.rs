//! Decodes arguments. Bytes that can't be decoded are an error of the caller, not a trap.

use candid::DecoderConfig;
use candid::utils::{ArgumentDecoder, decode_args_with_config};
use capsule_shared::{Error, Result};

/// The most unknown data that a caller may send along, in candid's measure of work. `ic-cdk` allows
/// the same.
const SKIPPING_QUOTA: usize = 10_000;

/// The arguments of one call, borrowed from its bytes where their types allow it.
///
/// `InvalidArgument` if they aren't Candid of these types. No bytes at all are no arguments, which
/// is as good as `null` for each optional one.
pub fn decode<'a, T: ArgumentDecoder<'a>>(bytes: &'a [u8]) -> Result<T> {
    let bytes = if bytes.is_empty() {
        b"DIDL\x00\x00"
    } else {
        bytes
    };
    let mut config = DecoderConfig::new();
    config
        .set_skipping_quota(SKIPPING_QUOTA)
        .set_full_error_message(false);
    decode_args_with_config(bytes, &config).map_err(|e| {
        Error::invalid(format!(
            "arguments can't be decoded, expected those of the interface: {e}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::BlobKey;
    use serde_bytes::{ByteBuf, Bytes};

    #[test]
    fn a_chunk_is_borrowed_from_the_message() {
        let chunk = ByteBuf::from(vec![5; 1_000]);
        let message = candid::encode_args((BlobKey([7; 32]), 3u32, &chunk)).unwrap();
        let (key, index, bytes): (BlobKey, u32, &Bytes) = decode(&message).unwrap();
        assert_eq!((key, index), (BlobKey([7; 32]), 3));
        assert_eq!(&bytes[..], &chunk[..]);
        assert!(message.as_ptr_range().contains(&bytes.as_ptr()));
    }

    #[test]
    fn undecodable_arguments_are_an_error_of_the_caller() {
        let whole =
            candid::encode_args((BlobKey([7; 32]), 3u32, ByteBuf::from(vec![1; 100]))).unwrap();
        for len in 0..whole.len() {
            let result = decode::<(BlobKey, u32, &Bytes)>(&whole[..len]);
            assert!(matches!(result, Err(Error::InvalidArgument(_))), "{len}");
        }
        let numbers = candid::encode_args((BlobKey([7; 32]), 3u32, vec![1u32, 2])).unwrap();
        let result = decode::<(BlobKey, u32, &Bytes)>(&numbers);
        assert!(matches!(result, Err(Error::InvalidArgument(_))));
        assert_eq!(decode::<()>(&[]), Ok(()));
        assert_eq!(decode(&[]), Ok((None::<String>,)));
    }
}
