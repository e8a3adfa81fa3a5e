//! Replies that carry many bytes. Candid's own encoder and decoder copy them more often.

use crate::args::{bytes_of_length, push_length, split_length};
use capsule_shared::Result;
use serde_bytes::ByteBuf;

/// The reply `variant { Ok : blob; Err : Error }` with `Ok`, and the bytes in it.
///
/// A canister that passes bytes on passes on the whole reply that it got.
#[derive(Debug, PartialEq, Eq)]
pub struct BlobReply {
    message: Vec<u8>,
    start: usize,
}

impl BlobReply {
    /// Begins a reply that will have `len` bytes. The caller pushes exactly so many.
    pub fn begin(len: usize) -> Self {
        let message = begin_blob(len);
        let start = message.len();
        BlobReply { message, start }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.message.extend_from_slice(bytes);
    }

    /// Reads a reply. A usual one stays where it is; the bytes of any other are copied.
    pub fn read(message: Vec<u8>) -> candid::Result<Result<Self>> {
        if let Some(start) = parse_usual(&message) {
            return Ok(Ok(BlobReply { message, start }));
        }
        let result: Result<ByteBuf> = candid::decode_one(&message)?;
        Ok(result.map(|bytes| {
            let mut reply = BlobReply::begin(bytes.len());
            reply.push(&bytes);
            reply
        }))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.message[self.start..]
    }

    /// The whole reply.
    pub fn into_message(self) -> Vec<u8> {
        self.message
    }
}

/// Where the bytes begin in a reply that equals one of [`begin_blob`].
fn parse_usual(message: &[u8]) -> Option<usize> {
    let rest = message.strip_prefix(&header()[..])?;
    let (len, bytes) = split_length(rest)?;
    let shortest = rest.len() == bytes_of_length(len) + len;
    (bytes.len() == len && shortest).then_some(message.len() - len)
}

/// The bytes of a reply in front of its length.
fn header() -> Vec<u8> {
    let empty: Result<ByteBuf> = Ok(ByteBuf::new());
    let mut header = candid::encode_one(empty).expect("BUG: Candid can't write a reply");
    // It ends with the length, 0.
    header.pop();
    header
}

/// Begins the reply `variant { Ok : blob; Err : Error }`, with `Ok` and `len` bytes. The caller
/// appends exactly so many bytes, and then the reply is whole.
pub fn begin_blob(len: usize) -> Vec<u8> {
    const MAX_HEADER_BYTES: usize = 256;
    let mut reply = Vec::with_capacity(MAX_HEADER_BYTES + len);
    reply.extend(header());
    push_length(&mut reply, len);
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

    fn read(message: &[u8]) -> Result<BlobReply> {
        BlobReply::read(message.to_vec()).expect("it is no reply")
    }

    #[test]
    fn a_usual_reply_is_passed_on_as_it_is() {
        for len in [0, 1, 127, 128, 16_384, 2_000_000] {
            let bytes = vec![5u8; len];
            let usual: Result<ByteBuf> = Ok(ByteBuf::from(bytes.clone()));
            let message = candid::encode_one(usual).unwrap();
            let place = message.as_ptr();
            let expected = message.clone();
            let reply = BlobReply::read(message).unwrap().unwrap();
            assert!(reply.bytes() == bytes);
            let passed_on = reply.into_message();
            assert!(passed_on == expected);
            assert_eq!(passed_on.as_ptr(), place, "the bytes were copied");

            let mut begun = BlobReply::begin(len);
            begun.push(&bytes);
            assert_eq!(read(&begun.message), Ok(begun));
        }
    }

    #[test]
    fn any_other_reply_is_read_as_candid_reads_it() {
        let usual: Result<ByteBuf> = Ok(ByteBuf::from(vec![1, 2]));
        let usual = candid::encode_one(usual).unwrap();
        let (head, bytes) = usual.split_at(usual.len() - 3);
        let long = [head, &[0x82, 0x80, 0], &bytes[1..]].concat();
        let answer: Result<Vec<u8>> = Ok(vec![1, 2]);
        let two = candid::encode_args((answer, true)).unwrap();
        for message in [long, two] {
            assert_eq!(read(&message).unwrap().into_message(), usual);
        }
        let refused: Result<ByteBuf> = Err(Error::NotFound);
        let refused = candid::encode_one(refused).unwrap();
        assert_eq!(read(&refused), Err(Error::NotFound));
        for cut in 0..usual.len() {
            assert!(BlobReply::read(usual[..cut].to_vec()).is_err(), "{cut}");
        }
        let longer = [&usual[..], &[0]].concat();
        assert!(BlobReply::read(longer).is_err());
    }
}
