//! The one message whose bytes matter, a chunk: read without copying it, written with one copy.

use candid::DecoderConfig;
use candid::de::IDLDeserialize;
use capsule_shared::{BlobKey, Error, Result};
use std::ops::Range;

/// The arguments of `uploads_put_chunk`, the chunk still inside the message.
pub struct PutChunk {
    pub session_id: u64,
    pub index: u32,
    message: Vec<u8>,
    chunk: Range<usize>,
}

impl PutChunk {
    /// Decodes `(nat64, nat32, blob)`; `InvalidArgument` when the message is something else.
    pub fn decode(message: Vec<u8>) -> Result<Self> {
        let parsed = parse(&message).map_err(|error| {
            Error::invalid(format!(
                "the arguments can't be decoded, expected (nat64, nat32, blob): {error}"
            ))
        });
        let (session_id, index, chunk) = parsed?;
        Ok(PutChunk {
            session_id,
            index,
            message,
            chunk,
        })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.message[self.chunk.clone()]
    }
}

fn parse(message: &[u8]) -> candid::Result<(u64, u32, Range<usize>)> {
    let mut config = DecoderConfig::new();
    config.set_skipping_quota(10_000);
    let mut decoder = IDLDeserialize::new_with_config(message, &config)?;
    let session_id = decoder.get_value::<u64>()?;
    let index = decoder.get_value::<u32>()?;
    // A slice borrows from the message, so its place in it is the distance of two addresses.
    let bytes = decoder.get_value::<&[u8]>()?;
    let start = bytes.as_ptr().addr() - message.as_ptr().addr();
    decoder.done()?;
    Ok((session_id, index, start..start + bytes.len()))
}

/// Candid of `(blob, nat32, blob)`, the arguments of the store's `blob_put_chunk`: what `candid::encode_args` makes,
/// which copies the bytes twice.
pub fn encode_put_chunk(key: &BlobKey, index: u32, bytes: &[u8]) -> Vec<u8> {
    // One type, vec nat8 (0x6d 0x7b), and three arguments: it, nat32 (0x79), it.
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
    use serde_bytes::{ByteBuf, Bytes};

    #[test]
    fn a_chunk_is_read_where_it_lies() {
        let chunk = vec![7u8; 300_000];
        for message in [
            candid::encode_args((5u64, 9u32, Bytes::new(&chunk))).unwrap(),
            // Clients that send arrays of numbers make the same bytes; one more argument is legal Candid.
            candid::encode_args((5u64, 9u32, &chunk, "more")).unwrap(),
        ] {
            let put = PutChunk::decode(message).unwrap();
            assert_eq!((put.session_id, put.index), (5, 9));
            assert_eq!(put.bytes(), chunk);
        }
        let empty = candid::encode_args((5u64, 9u32, Bytes::new(&[]))).unwrap();
        assert!(PutChunk::decode(empty).unwrap().bytes().is_empty());
    }

    #[test]
    fn a_bad_message_is_an_error() {
        let good = candid::encode_args((5u64, 9u32, Bytes::new(&[1, 2, 3]))).unwrap();
        for cut in 0..good.len() {
            assert!(PutChunk::decode(good[..cut].to_vec()).is_err(), "{cut}");
        }
        let other = candid::encode_args((5u64, 9u32, "text")).unwrap();
        assert!(matches!(
            PutChunk::decode(other),
            Err(Error::InvalidArgument(_))
        ));
    }

    #[test]
    fn the_outgoing_message_is_what_candid_makes() {
        let key = BlobKey([3; 32]);
        for len in [0, 1, 127, 128, 16_383, 16_384, 1_800_000] {
            let bytes = vec![5u8; len];
            let expected = candid::encode_args((key, 8u32, ByteBuf::from(bytes.clone()))).unwrap();
            assert_eq!(encode_put_chunk(&key, 8, &bytes), expected);
        }
    }
}
