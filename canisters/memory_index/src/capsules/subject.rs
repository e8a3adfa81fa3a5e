//! The keys by which the index finds the capsule of an owner with a certain subject.

use candid::Principal;
use capsule_shared::capsule::PersonRef;

/// How all keys of one owner begin, and no key of another owner: the length of the owner's
/// principal in one byte, then the principal.
pub fn owner_prefix(owner: Principal) -> Vec<u8> {
    let owner = owner.as_slice();
    let mut prefix = vec![owner.len() as u8];
    prefix.extend_from_slice(owner);
    prefix
}

/// The owner's prefix, then `o` and the text of an opaque subject, or `p` and the bytes of a
/// principal.
pub fn subject_key(owner: Principal, subject: &PersonRef) -> Vec<u8> {
    let mut key = owner_prefix(owner);
    match subject {
        PersonRef::Opaque(text) => {
            key.push(b'o');
            key.extend_from_slice(text.as_bytes());
        }
        PersonRef::Principal(principal) => {
            key.push(b'p');
            key.extend_from_slice(principal.as_slice());
        }
    }
    key
}
