//! Names of files that aren't Unicode: a lossy text for people, and an exact form beside it.

use serde_json::Value;
use std::ffi::OsStr;

/// The bytes of a name as hex, if the name isn't Unicode and its text is therefore lossy.
///
/// On Unix these are the bytes of the name itself.
pub fn hex_if_lossy(name: &OsStr) -> Option<String> {
    let lossy = name.to_str().is_none();
    lossy.then(|| hex::encode(name.as_encoded_bytes()))
}

/// Puts a name into a JSON object: as text, and exactly beside it if the text is lossy.
pub fn put_name(object: &mut Value, field: &str, name: &OsStr) {
    object[field] = name.to_string_lossy().into();
    if let Some(hex) = hex_if_lossy(name) {
        object[format!("{field}_hex")] = hex.into();
    }
}

/// Feeds parts to a hash so that different parts never look the same.
pub fn absorb(hasher: &mut impl sha2::Digest, parts: &[&[u8]]) {
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_a_name_that_is_not_unicode_has_an_exact_form() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(hex_if_lossy(OsStr::new("café.jpg")), None);
        let name = OsStr::from_bytes(b"caf\xe9");
        assert_eq!(hex_if_lossy(name).as_deref(), Some("636166e9"));
    }
}
