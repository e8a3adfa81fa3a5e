//! Decodes arguments. Bytes that can't be decoded are an error of the caller, not a trap.
//!
//! Also reads and writes lengths in Candid, for messages whose bytes aren't copied.

use candid::DecoderConfig;
use candid::utils::{ArgumentDecoder, decode_args_with_config};
use capsule_shared::{Error, Result};

/// The most unknown data that a caller may send along, in candid's measure of work. `ic-cdk` allows
/// the same.
const SKIPPING_QUOTA: usize = 10_000;

/// The bytes of the arguments of this message, behind `room` bytes of zeros.
///
/// The function of `ic_cdk` leaves no room, and writes zeros where the arguments come, which costs
/// an instruction a byte.
pub fn message_behind(room: usize) -> Vec<u8> {
    let len = room + ic0::msg_arg_data_size();
    let mut message = Vec::with_capacity(len);
    message.resize(room, 0);
    let behind = &mut message.spare_capacity_mut()[..len - room];
    ic0::msg_arg_data_copy_uninit(behind, 0);
    // SAFETY: the capacity is `len`, `resize` wrote the first `room` bytes, and the platform wrote
    // all bytes of `behind`.
    unsafe { message.set_len(len) };
    message
}

/// The bytes of the arguments of this message.
pub fn message() -> Vec<u8> {
    message_behind(0)
}

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

// ---- lengths in Candid: LEB128, 7 bits a byte ---------------------------------------------------

/// Appends a length in its shortest form.
pub fn push_length(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`push_length`] appends.
pub fn bytes_of_length(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    bits.max(1).div_ceil(7) as usize
}

/// Splits a length off, and returns the bytes behind it. `None` if it is cut off, or needs more
/// than 28 bits: no message is so long.
pub fn split_length(mut rest: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for shift in [0, 7, 14, 21] {
        let (byte, tail) = rest.split_first()?;
        value |= usize::from(byte & 0x7f) << shift;
        rest = tail;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
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

    #[test]
    fn lengths_are_read_back() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            (1 << 28) - 1,
        ] {
            let mut bytes = Vec::new();
            push_length(&mut bytes, value);
            assert_eq!(bytes.len(), bytes_of_length(value), "{value}");
            for cut in 0..bytes.len() {
                assert_eq!(split_length(&bytes[..cut]), None, "{value}");
            }
            bytes.push(7);
            assert_eq!(split_length(&bytes), Some((value, &[7][..])));
        }
        let mut long = Vec::new();
        push_length(&mut long, 1 << 28);
        assert_eq!(
            (long.len(), split_length(&long)),
            (bytes_of_length(1 << 28), None)
        );
        // A length may have more bytes than it needs.
        assert_eq!(split_length(&[0x85, 0x80, 0]), Some((5, &[][..])));
    }
}
