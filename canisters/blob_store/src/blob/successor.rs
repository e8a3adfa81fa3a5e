//! The order of keys.

/// The next key; `None` behind the last one.
pub fn successor(mut key: [u8; 32]) -> Option<[u8; 32]> {
    for byte in key.iter_mut().rev() {
        let (next, over) = byte.overflowing_add(1);
        *byte = next;
        if !over {
            return Some(key);
        }
    }
    None
}
