//! SHA-256 that stops after any byte and goes on later, with a stored layout of its own.
//!
//! The crate `sha2` gives no promise about the bytes of its own states. So only its compression
//! function is used here; the blocks and the padding (FIPS 180-4, 5.1.1 and 5.3.3) are simple.

use sha2::block_api::compress256;

const BLOCK: usize = 64;

/// The state of SHA-256 before the first byte (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Bytes of a midstate as the crate `sha2` 0.11 serialized it, which release 0.1.0 stored.
const BYTES_0_1_0: usize = 104;

/// SHA-256 after some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Midstate {
    words: [u32; 8],
    /// How many bytes are hashed.
    bytes: u64,
    /// The bytes behind the last whole block: `bytes % 64` of them. Zeros follow.
    tail: [u8; BLOCK],
}

impl Default for Midstate {
    /// Nothing is hashed.
    fn default() -> Self {
        Midstate {
            words: INITIAL,
            bytes: 0,
            tail: [0; BLOCK],
        }
    }
}

impl Midstate {
    fn tail_len(&self) -> usize {
        (self.bytes % BLOCK as u64) as usize
    }

    /// How many bytes are hashed.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn update(&mut self, mut data: &[u8]) {
        let tail = self.tail_len();
        self.bytes += data.len() as u64;
        if tail > 0 {
            let (first, rest) = data.split_at(data.len().min(BLOCK - tail));
            self.tail[tail..tail + first.len()].copy_from_slice(first);
            data = rest;
            if tail + first.len() < BLOCK {
                return;
            }
            compress256(&mut self.words, &[self.tail]);
            self.tail = [0; BLOCK];
        }
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        compress256(&mut self.words, blocks);
        self.tail[..rest.len()].copy_from_slice(rest);
    }

    /// The state after `data`, too.
    pub fn followed_by(mut self, data: &[u8]) -> Self {
        self.update(data);
        self
    }

    /// The SHA-256 of the hashed bytes.
    pub fn digest(&self) -> [u8; 32] {
        let mut end = self.clone();
        // One bit, zeros up to 8 bytes before the end of a block, and the number of bits.
        let zeros = (2 * BLOCK - 9 - self.tail_len()) % BLOCK;
        let bits = self.bytes.wrapping_mul(8).to_be_bytes();
        end.update(&[0x80]);
        end.update(&[0; BLOCK][..zeros]);
        end.update(&bits);
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_mut(4).zip(end.words) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }

    // ---- stored -------------------------------------------------------------------------------

    /// The stored bytes. Integers are little-endian:
    ///
    /// ```text
    /// 8 × u32  the words of the state
    /// u64      how many bytes are hashed
    /// u8       length of the unfinished block, then its bytes
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let tail = &self.tail[..self.tail_len()];
        let mut bytes = Vec::with_capacity(41 + BLOCK);
        for word in self.words {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(self.bytes.to_le_bytes());
        bytes.push(tail.len() as u8);
        bytes.extend(tail);
        bytes
    }

    /// The midstate of stored bytes. `None` if they aren't one: then the file is hashed again.
    pub fn from_bytes(stored: &[u8]) -> Option<Self> {
        let (words, rest) = stored.split_first_chunk::<32>()?;
        let (bytes, rest) = rest.split_first_chunk::<8>()?;
        let (len, tail) = rest.split_first()?;
        let bytes = u64::from_le_bytes(*bytes);
        Self::of_parts(words, bytes, usize::from(*len), tail)
    }

    /// The midstate that release 0.1.0 stored as the crate `sha2` 0.11 writes it. `None` if it
    /// isn't one. The words (little-endian) come first, then the number of whole blocks, the length
    /// of the unfinished block, and the block with zeros behind it.
    pub fn from_bytes_of_0_1_0(stored: &[u8]) -> Option<Self> {
        let stored: &[u8; BYTES_0_1_0] = stored.try_into().ok()?;
        let (words, rest) = stored.split_first_chunk::<32>()?;
        let (blocks, rest) = rest.split_first_chunk::<8>()?;
        let (len, block) = rest.split_first()?;
        let len = usize::from(*len);
        let whole = u64::from_le_bytes(*blocks).checked_mul(BLOCK as u64)?;
        let (tail, zeros) = block.split_at_checked(len)?;
        let clean = zeros.iter().all(|byte| *byte == 0);
        Self::of_parts(words, whole.checked_add(len as u64)?, len, tail).filter(|_| clean)
    }

    fn of_parts(words: &[u8; 32], bytes: u64, len: usize, tail: &[u8]) -> Option<Self> {
        let mut state = Midstate {
            bytes,
            ..Midstate::default()
        };
        if len != tail.len() || len != state.tail_len() {
            return None;
        }
        let (stored, _) = words.as_chunks::<4>();
        state.words = std::array::from_fn(|at| u32::from_le_bytes(stored[at]));
        state.tail[..len].copy_from_slice(tail);
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_hex;
    use sha2::digest::common::hazmat::SerializableState;
    use sha2::{Digest, Sha256};

    fn data(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n * 7 + n / 251) as u8).collect()
    }

    /// Vectors of NIST (FIPS 180-2, appendix B).
    #[test]
    fn the_digests_are_those_of_the_standard() {
        for (text, digest) in [
            (
                &b"abc"[..],
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (
                &[b'a'; 1_000_000],
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            ),
        ] {
            let state = Midstate::default().followed_by(text);
            assert_hex(&state.digest(), digest);
        }
    }

    #[test]
    fn every_length_gives_the_digest_of_the_crate() {
        let data = data(300);
        for len in 0..=data.len() {
            let state = Midstate::default().followed_by(&data[..len]);
            assert_eq!(state.bytes(), len as u64);
            assert_eq!(state.digest()[..], Sha256::digest(&data[..len])[..]);
        }
    }

    #[test]
    fn every_cut_gives_the_digest_of_the_whole_also_over_a_restart() {
        let data = data(200);
        let whole = Sha256::digest(&data);
        for first in 0..=data.len() {
            for second in first..=data.len() {
                let mut state = Midstate::default();
                for part in [&data[..first], &data[first..second], &data[second..]] {
                    state.update(part);
                    state = Midstate::from_bytes(&state.to_bytes()).unwrap();
                }
                assert_eq!(state.digest()[..], whole[..]);
            }
        }
    }

    #[test]
    fn the_stored_bytes_are_pinned() {
        assert_hex(
            &Midstate::default().to_bytes(),
            "67e6096a 85ae67bb 72f36e3c 3af54fa5 7f520e51 8c68059b abd9831f 19cde05b
             0000000000000000 00",
        );
        let state = Midstate::default().followed_by(&[b'a'; 67]);
        assert_hex(
            &state.to_bytes(),
            "1cb85bdf 26061ee8 94a845fb 310fd44f 16685eb2 c199d4d6 294990ab 665e6300
             4300000000000000 03 616161",
        );
    }

    #[test]
    fn midstates_of_release_0_1_0_are_read() {
        for len in [0, 1, 63, 64, 65, 128, 199] {
            let data = data(len);
            let old = Sha256::new_with_prefix(&data).serialize();
            let state = Midstate::from_bytes_of_0_1_0(&old);
            assert_eq!(state, Some(Midstate::default().followed_by(&data)));
        }
    }

    #[test]
    fn bytes_that_are_no_midstate_are_told_apart() {
        let good = Midstate::default().followed_by(&data(67)).to_bytes();
        assert!(Midstate::from_bytes(&good).is_some());
        for len in 0..good.len() {
            assert_eq!(Midstate::from_bytes(&good[..len]), None);
        }
        let mut other = good.clone();
        other[40] = 4;
        other.push(0);
        assert_eq!(Midstate::from_bytes(&other), None, "67 bytes end with 3");

        let good = Sha256::new_with_prefix(data(67)).serialize().to_vec();
        assert!(Midstate::from_bytes_of_0_1_0(&good).is_some());
        assert_eq!(Midstate::from_bytes_of_0_1_0(&good[1..]), None);
        for (at, byte) in [(40, 64), (40, 255), (103, 1), (39, 255)] {
            let mut other = good.clone();
            other[at] = byte;
            assert_eq!(Midstate::from_bytes_of_0_1_0(&other), None, "{at}");
        }
    }
}
