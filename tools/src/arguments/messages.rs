//! Arguments for a method: valid, broken, foreign and far too large ones.

use super::interface::Method;
use super::numbers::Numbers;
use super::values::value;
use candid::IDLArgs;
use candid::TypeEnv;
use candid::types::Type;

/// Room for everything but the argument in a message, in bytes.
const ENVELOPE_BYTES: usize = 2_048;
const MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// The bytes of one argument, which may be broken.
pub(super) fn argument(
    numbers: &mut Numbers,
    env: &TypeEnv,
    method: &Method,
    methods: &[Method],
) -> Vec<u8> {
    let of = |numbers: &mut Numbers, types: &[Type]| {
        let args = types.iter().map(|t| value(numbers, env, t, 0)).collect();
        let bytes = IDLArgs { args }.to_bytes_with_types(env, types);
        let mut bytes = bytes.expect("BUG: a value that isn't of its type");
        bytes.truncate(MESSAGE_BYTES - ENVELOPE_BYTES);
        bytes
    };
    let mut bytes = of(numbers, &method.args);
    let at = numbers.below(bytes.len());
    match numbers.below(10) {
        0..3 => {}
        3 => bytes.truncate(at),
        4 => bytes[at] ^= 1 << numbers.below(8),
        5 => bytes[at] = numbers.next() as u8,
        // This length is longer than any message.
        6 => {
            bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f]);
        }
        7 => {
            let other = &methods[numbers.below(methods.len())].args;
            bytes = of(numbers, other);
        }
        8 => bytes.extend_from_slice(b"and more"),
        _ => {
            bytes = match numbers.below(4) {
                0 => Vec::new(),
                1 => (0..numbers.below(200))
                    .map(|_| numbers.next() as u8)
                    .collect(),
                2 => candid::encode_one("x".repeat(MESSAGE_BYTES - ENVELOPE_BYTES))
                    .expect("BUG: a text is Candid"),
                // A vector of empty values: a few bytes claim millions of them.
                _ => b"DIDL\x01\x6d\x7f\x01\x00\xff\xff\xff\xff\x0f".to_vec(),
            }
        }
    }
    bytes
}
