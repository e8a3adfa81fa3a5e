//! The messages that carry a chunk: read without a copy, written with one copy.
//!
//! Candid's own encoder and decoder copy the bytes more often, and each copy costs instructions.

use canister_common::args::decode;
use capsule_shared::{BlobKey, Result};
use serde_bytes::ByteBuf;
use std::ops::Range;

/// The arguments of `uploads_put_chunk`. The chunk stays inside the message.
pub struct PutChunk {
    pub session_id: u64,
    pub index: u32,
    message: Vec<u8>,
    chunk: Range<usize>,
}

impl PutChunk {
    /// Decodes `(nat64, nat32, blob)`. Any other message is `InvalidArgument`.
    pub fn decode(message: Vec<u8>) -> Result<Self> {
        if let Some((session_id, index, chunk)) = parse_usual(&message) {
            return Ok(PutChunk {
                session_id,
                index,
                message,
                chunk,
            });
        }
        // Candid has other encodings of the same arguments; they cost a copy.
        let (session_id, index, bytes): (u64, u32, ByteBuf) = decode(&message)?;
        Ok(PutChunk {
            session_id,
            index,
            chunk: 0..bytes.len(),
            message: bytes.into_vec(),
        })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.message[self.chunk.clone()]
    }
}

/// The header that every known encoder writes for the arguments.
///
/// It has one type, vec nat8 (0x6d 0x7b), and three arguments: nat64 (0x78), nat32 (0x79) and that
/// type.
const PUT_HEADER: &[u8] = b"DIDL\x01\x6d\x7b\x03\x78\x79\x00";

/// Reads a message with the usual header without a copy. Candid's own borrowing decoder won't do:
/// it accepts any type as bytes.
fn parse_usual(message: &[u8]) -> Option<(u64, u32, Range<usize>)> {
    let rest = message.strip_prefix(PUT_HEADER)?;
    let (session_id, rest) = rest.split_first_chunk::<8>()?;
    let (index, rest) = rest.split_first_chunk::<4>()?;
    let (len, rest) = split_leb128(rest)?;
    let start = message.len() - rest.len();
    (rest.len() == len).then_some((
        u64::from_le_bytes(*session_id),
        u32::from_le_bytes(*index),
        start..start + len,
    ))
}

fn split_leb128(mut rest: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    // Four groups of 7 bits express more bytes than any message has.
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

/// Encodes `(blob, nat32, blob)`, the arguments of the store's `blob_put_chunk`.
///
/// The result equals that of `candid::encode_args`, which copies the bytes twice.
pub fn encode_put_chunk(key: &BlobKey, index: u32, bytes: &[u8]) -> Vec<u8> {
    // One type, vec nat8 (0x6d 0x7b), and three arguments: that type, nat32 (0x79), that type.
    const HEADER: &[u8] = b"DIDL\x01\x6d\x7b\x03\x00\x79\x00";
    const MAX_LEB128: usize = 10;
    let mut message =
        Vec::with_capacity(HEADER.len() + 1 + key.0.len() + 4 + MAX_LEB128 + bytes.len());
    message.extend_from_slice(HEADER);
    push_leb128(&mut message, key.0.len());
    message.extend_from_slice(&key.0);
    message.extend_from_slice(&index.to_le_bytes());
    push_leb128(&mut message, bytes.len());
    message.extend_from_slice(bytes);
    message
}

fn push_leb128(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::Error;
    use serde_bytes::Bytes;

    #[test]
    fn a_chunk_is_read_without_a_copy() {
        let chunk = vec![7u8; 300_000];
        for message in [
            candid::encode_args((5u64, 9u32, Bytes::new(&chunk))).unwrap(),
            // Arrays of numbers have the same bytes, and Candid allows one more argument.
            candid::encode_args((5u64, 9u32, &chunk, "more")).unwrap(),
        ] {
            let put = PutChunk::decode(message).unwrap();
            assert_eq!((put.session_id, put.index), (5, 9));
            assert_eq!(put.bytes(), chunk);
        }
        let usual = candid::encode_args((5u64, 9u32, Bytes::new(&chunk))).unwrap();
        assert!(parse_usual(&usual).is_some());
        let empty = candid::encode_args((5u64, 9u32, Bytes::new(&[]))).unwrap();
        assert!(PutChunk::decode(empty).unwrap().bytes().is_empty());
    }

    #[test]
    fn a_bad_message_is_an_error() {
        let good = candid::encode_args((5u64, 9u32, Bytes::new(&[1, 2, 3]))).unwrap();
        for cut in 0..good.len() {
            assert!(PutChunk::decode(good[..cut].to_vec()).is_err(), "{cut}");
        }
        let longer = [&good[..], &[0]].concat();
        let text = candid::encode_args((5u64, 9u32, "text")).unwrap();
        let wide = candid::encode_args((5u64, 9u32, vec![1u16, 2])).unwrap();
        for other in [longer, text, wide] {
            let refused = PutChunk::decode(other).err();
            assert!(matches!(refused, Some(Error::InvalidArgument(_))));
        }
    }

    #[test]
    fn arguments_of_other_types_are_an_error() {
        let good = candid::encode_args(("capsule-1", 3u32)).unwrap();
        assert_eq!(decode(&good), Ok(("capsule-1".to_string(), 3u32)));
        assert_eq!(decode(&[]), Ok((None::<String>,)));
        let long = candid::encode_args((vec![Some(7u64); 100_000],)).unwrap();
        for bad in [&good[..9], b"DIDL", b"nothing", &[], &long] {
            let refused = decode::<(String, u32)>(bad).err();
            assert!(matches!(refused, Some(Error::InvalidArgument(_))));
        }
    }

    #[test]
    fn the_outgoing_message_equals_that_of_candid() {
        let key = BlobKey([3; 32]);
        for len in [0, 1, 127, 128, 16_383, 16_384, 1_800_000] {
            let bytes = vec![5u8; len];
            let expected = candid::encode_args((key, 8u32, ByteBuf::from(bytes.clone()))).unwrap();
            assert_eq!(encode_put_chunk(&key, 8, &bytes), expected);
        }
    }
}
