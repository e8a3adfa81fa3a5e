//! Replies that carry many bytes. Candid's own encoder copies them more often.

use capsule_shared::Result;
use serde_bytes::ByteBuf;

/// Begins the reply `variant { Ok : blob; Err : Error }`, with `Ok` and `len` bytes. The caller
/// appends exactly so many bytes, and then the reply is whole.
pub fn begin_blob(len: usize) -> Vec<u8> {
    const MAX_HEADER_BYTES: usize = 256;
    let mut reply = Vec::with_capacity(MAX_HEADER_BYTES + len);
    let empty: Result<ByteBuf> = Ok(ByteBuf::new());
    reply.extend(candid::encode_one(empty).expect("BUG: Candid can't write a reply"));
    // It ends with the length, 0.
    reply.pop();
    let mut rest = len;
    while rest >= 0x80 {
        reply.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    reply.push(rest as u8);
    reply
}

/// Encodes a result whose `Ok` is a whole reply, which began with [`begin_blob`].
pub fn encode_blob(reply: Result<Vec<u8>>) -> Vec<u8> {
    reply.unwrap_or_else(|error| {
        let refused: Result<ByteBuf> = Err(error);
        candid::encode_one(refused).expect("BUG: Candid can't write a reply")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::Error;

    #[test]
    fn a_reply_equals_that_of_candid() {
        for len in [0, 1, 127, 128, 16_384, 2_000_000] {
            let bytes = vec![5u8; len];
            let expected: Result<ByteBuf> = Ok(ByteBuf::from(bytes.clone()));
            let mut reply = begin_blob(len);
            let capacity = reply.capacity();
            reply.extend_from_slice(&bytes);
            assert_eq!(reply.capacity(), capacity, "the bytes were moved");
            assert_eq!(
                encode_blob(Ok(reply)),
                candid::encode_one(expected).unwrap()
            );
        }
        let refused: Result<ByteBuf> = Err(Error::invalid("x"));
        assert_eq!(
            encode_blob(Err(Error::invalid("x"))),
            candid::encode_one(refused).unwrap()
        );
    }
}
