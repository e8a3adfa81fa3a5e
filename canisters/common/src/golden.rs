//! Tests compare stored bytes with golden bytes, so that no layout changes unnoticed.
//!
//! A released canister finds the old bytes after its upgrade. A test that fails here therefore asks
//! for a new version of the record, and for a read arm that still reads the old one. New golden
//! bytes are for new versions only; those of released versions stay. An `Option` field that is
//! added to a Candid record needs no new version.

use crate::manager::PAGE_BYTES;
use ic_stable_structures::{Memory, Storable};
use std::fmt::Debug;

/// Checks that `value` is stored as the bytes `golden`, and read from them. Golden bytes are
/// hexadecimal here, and white space in them counts for nothing.
#[track_caller]
pub fn assert_golden<T: Storable + Clone + PartialEq + Debug>(value: &T, golden: &str) {
    let stored = value.to_bytes_checked().into_owned();
    assert_hex(&stored, golden);
    assert_eq!(value.clone().into_bytes_checked(), stored);
    assert_eq!(&T::from_bytes(stored.into()), value);
}

/// Checks that the bytes `golden` of an older layout still read as `value`.
#[track_caller]
pub fn assert_readable<T: Storable + PartialEq + Debug>(golden: &str, value: &T) {
    let digits: Vec<u32> = golden.chars().filter_map(|c| c.to_digit(16)).collect();
    let bytes = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8);
    assert_eq!(&T::from_bytes(bytes.collect::<Vec<u8>>().into()), value);
}

/// Checks that `bytes` are the bytes `golden`.
#[track_caller]
pub fn assert_hex(bytes: &[u8], golden: &str) {
    let golden: String = golden.split_whitespace().collect();
    let stored: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(
        stored == golden,
        "a changed layout needs a new version\n  golden: {golden}\n  stored: {stored}"
    );
}

/// A hash of all pages of `memory` that aren't zero, and of their places.
///
/// It is FNV-1a with 64 bits: it has to notice accidents, not attacks.
pub fn fingerprint(memory: &impl Memory) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    mix(&memory.size().to_le_bytes());
    let mut page = vec![0; PAGE_BYTES as usize];
    for number in 0..memory.size() {
        memory.read(number * PAGE_BYTES, &mut page);
        if page.iter().any(|byte| *byte != 0) {
            mix(&number.to_le_bytes());
            mix(&page);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_stable_structures::VectorMemory;

    #[test]
    fn golden_bytes_may_be_spaced() {
        assert_golden(&0x0102_u64, "00000000 0000\n 01 02");
    }

    #[test]
    fn bytes_of_an_older_layout_are_read() {
        assert_readable("00000000 0000\n 01 0f", &0x010f_u64);
    }

    #[test]
    #[should_panic(expected = "a changed layout needs a new version")]
    fn other_bytes_than_the_golden_ones_fail() {
        assert_golden(&0x0102_u64, "0000000000000103");
    }

    #[test]
    fn every_byte_and_its_place_count() {
        let memory = VectorMemory::default();
        let empty = fingerprint(&memory);
        memory.grow(2);
        let zero = fingerprint(&memory);
        assert_ne!(zero, empty);
        memory.write(100, &[1]);
        let first = fingerprint(&memory);
        memory.write(100, &[0]);
        assert_eq!(fingerprint(&memory), zero);
        memory.write(100 + PAGE_BYTES, &[1]);
        assert!(![empty, zero, first].contains(&fingerprint(&memory)));
    }
}
