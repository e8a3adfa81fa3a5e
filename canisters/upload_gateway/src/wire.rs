//! The messages that carry a chunk. It is written once, when it arrives, and goes on to its store
//! from there.
//!
//! The platform limits how many pages of its memory a canister may change in a round. A copy of
//! each chunk would halve the rate at which the gateway passes chunks on.

use canister_common::args::{bytes_of_length, decode, push_length, split_length};
use capsule_shared::{BlobKey, Result};
use serde_bytes::ByteBuf;
use std::ops::Range;

/// The arguments of `uploads_put_chunk`. They become those of the store in the same buffer.
///
/// ```text
/// arrived   room | header | session, index | length | bytes
/// leaves    header | key | index           | length | bytes
/// ```
pub struct PutChunk {
    pub session_id: u64,
    pub index: u32,
    buffer: Vec<u8>,
    /// Where the bytes begin. The header for the store fits exactly in front of them.
    start: usize,
}

impl PutChunk {
    /// The room in front of a message: what the header for the store takes more than the usual
    /// header of a message.
    pub const ROOM: usize = STORE_HEADER.len() + KEY_BYTES - PUT_HEADER.len() - SESSION_BYTES;

    /// Decodes `(nat64, nat32, blob)` behind [`PutChunk::ROOM`] bytes. Any other message is
    /// `InvalidArgument`.
    pub fn decode(buffer: Vec<u8>) -> Result<Self> {
        let message = &buffer[Self::ROOM..];
        if let Some((session_id, index, chunk)) = parse_usual(message)
            && Self::ROOM + chunk.start == store_header_len(chunk.len())
        {
            return Ok(PutChunk {
                session_id,
                index,
                start: Self::ROOM + chunk.start,
                buffer,
            });
        }
        // Candid has other encodings of the same arguments; they cost a copy.
        let (session_id, index, bytes): (u64, u32, ByteBuf) = decode(message)?;
        let start = store_header_len(bytes.len());
        let mut buffer = vec![0; start];
        buffer.extend_from_slice(&bytes);
        Ok(PutChunk {
            session_id,
            index,
            buffer,
            start,
        })
    }

    /// The session and the number of bytes of a message, without room in front. Refuses the same
    /// messages as [`PutChunk::decode`].
    pub fn inspect(message: &[u8]) -> Result<(u64, usize)> {
        if let Some((session_id, _, chunk)) = parse_usual(message) {
            return Ok((session_id, chunk.len()));
        }
        let (session_id, _, bytes): (u64, u32, ByteBuf) = decode(message)?;
        Ok((session_id, bytes.len()))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The arguments of the store's `blob_put_chunk`, `(blob, nat32, blob)`. They equal those of
    /// `candid::encode_args`.
    pub fn into_store_args(mut self, key: &BlobKey) -> Vec<u8> {
        let header = store_header(key, self.index, self.bytes().len());
        self.buffer[..self.start].copy_from_slice(&header);
        self.buffer
    }
}

/// The header that every known encoder writes for the arguments.
///
/// It has one type, vec nat8 (0x6d 0x7b), and three arguments: nat64 (0x78), nat32 (0x79) and that
/// type.
const PUT_HEADER: &[u8] = b"DIDL\x01\x6d\x7b\x03\x78\x79\x00";

/// The same for the store: that type, nat32, that type.
const STORE_HEADER: &[u8] = b"DIDL\x01\x6d\x7b\x03\x00\x79\x00";

const SESSION_BYTES: usize = 8;
const INDEX_BYTES: usize = 4;
/// A blob key behind its length.
const KEY_BYTES: usize = 1 + 32;

/// Finds what a message with the usual header says. Candid's own borrowing decoder won't do: it
/// accepts any type as bytes.
fn parse_usual(message: &[u8]) -> Option<(u64, u32, Range<usize>)> {
    let rest = message.strip_prefix(PUT_HEADER)?;
    let (session_id, rest) = rest.split_first_chunk::<SESSION_BYTES>()?;
    let (index, rest) = rest.split_first_chunk::<INDEX_BYTES>()?;
    let (len, rest) = split_length(rest)?;
    let start = message.len() - rest.len();
    (rest.len() == len).then_some((
        u64::from_le_bytes(*session_id),
        u32::from_le_bytes(*index),
        start..start + len,
    ))
}

/// All that the store's arguments have in front of the bytes of a chunk.
fn store_header(key: &BlobKey, index: u32, len: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(store_header_len(len));
    header.extend_from_slice(STORE_HEADER);
    push_length(&mut header, key.0.len());
    header.extend_from_slice(&key.0);
    header.extend_from_slice(&index.to_le_bytes());
    push_length(&mut header, len);
    header
}

fn store_header_len(len: usize) -> usize {
    STORE_HEADER.len() + KEY_BYTES + INDEX_BYTES + bytes_of_length(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::Error;
    use proptest::prelude::*;
    use serde_bytes::Bytes;

    /// A message as the canister receives it, with room in front.
    fn arrived(message: &[u8]) -> Vec<u8> {
        [&[0; PutChunk::ROOM], message].concat()
    }

    fn decoded(message: &[u8]) -> Result<PutChunk> {
        PutChunk::decode(arrived(message))
    }

    /// Whether the chunk goes on from where it lies. Otherwise it was copied.
    fn goes_on_in_place(message: &[u8]) -> bool {
        let buffer = arrived(message);
        let (place, capacity) = (buffer.as_ptr(), buffer.capacity());
        let put = PutChunk::decode(buffer).unwrap();
        let (index, chunk) = (put.index, put.bytes().to_vec());
        let key = BlobKey([3; 32]);
        let args = put.into_store_args(&key);
        let expected = candid::encode_args((key, index, Bytes::new(&chunk))).unwrap();
        assert!(args == expected, "not what Candid writes");
        (args.as_ptr(), args.capacity()) == (place, capacity)
    }

    #[test]
    fn a_chunk_is_decoded() {
        let chunk = vec![7u8; 300_000];
        for message in [
            candid::encode_args((5u64, 9u32, Bytes::new(&chunk))).unwrap(),
            // Arrays of numbers have the same bytes, and Candid allows one more argument.
            candid::encode_args((5u64, 9u32, &chunk, "more")).unwrap(),
        ] {
            let put = decoded(&message).unwrap();
            assert_eq!((put.session_id, put.index), (5, 9));
            assert_eq!(put.bytes(), chunk);
            assert_eq!(PutChunk::inspect(&message), Ok((5, chunk.len())));
        }
        let empty = candid::encode_args((5u64, 9u32, Bytes::new(&[]))).unwrap();
        assert!(decoded(&empty).unwrap().bytes().is_empty());
    }

    #[test]
    fn a_bad_message_is_an_error() {
        let good = candid::encode_args((5u64, 9u32, Bytes::new(&[1, 2, 3]))).unwrap();
        for cut in 0..good.len() {
            assert!(decoded(&good[..cut]).is_err(), "{cut}");
            assert!(PutChunk::inspect(&good[..cut]).is_err(), "{cut}");
        }
        let longer = [&good[..], &[0]].concat();
        let text = candid::encode_args((5u64, 9u32, "text")).unwrap();
        let wide = candid::encode_args((5u64, 9u32, vec![1u16, 2])).unwrap();
        for other in [longer, text, wide] {
            let refused = decoded(&other).err();
            assert!(matches!(refused, Some(Error::InvalidArgument(_))));
            assert_eq!(PutChunk::inspect(&other).err(), refused);
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
    fn a_chunk_goes_on_from_where_it_lies() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 1_800_000] {
            let chunk = vec![5u8; len];
            let message = candid::encode_args((5u64, 9u32, Bytes::new(&chunk))).unwrap();
            assert!(goes_on_in_place(&message), "{len}");
        }
    }

    #[test]
    fn an_unusual_message_goes_on_as_a_copy() {
        let one_more = candid::encode_args((5u64, 9u32, Bytes::new(&[1, 2]), "more")).unwrap();
        assert!(!goes_on_in_place(&one_more));
        // The length may have more bytes than it needs.
        let usual = candid::encode_args((5u64, 9u32, Bytes::new(&[1, 2]))).unwrap();
        let (head, chunk) = usual.split_at(usual.len() - 3);
        let long = [head, &[0x82, 0x80, 0], &chunk[1..]].concat();
        assert_eq!(decoded(&long).unwrap().bytes(), [1, 2]);
        assert!(!goes_on_in_place(&long));
    }

    fn length() -> impl Strategy<Value = usize> {
        prop_oneof![
            0..300usize,
            prop_oneof![Just(16_383), Just(16_384), Just(1_800_000)],
            0..=1_800_000usize,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_outgoing_arguments_equal_those_of_candid(
            session_id: u64,
            index: u32,
            key: [u8; 32],
            len in length(),
            seed: u8,
        ) {
            let chunk: Vec<u8> = (0..len).map(|n| (n as u8).wrapping_mul(31) ^ seed).collect();
            let message = candid::encode_args((session_id, index, Bytes::new(&chunk))).unwrap();
            let put = decoded(&message).unwrap();
            prop_assert_eq!((put.session_id, put.index), (session_id, index));
            prop_assert!(put.bytes() == chunk);
            let key = BlobKey(key);
            let expected = candid::encode_args((key, index, Bytes::new(&chunk))).unwrap();
            prop_assert!(put.into_store_args(&key) == expected);
        }
    }
}
