//! Ids of capsules and memories: numbers that count up from 1 and are never reused. As text they
//! are `capsule-{n}` and `mem_{n}`.

use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CapsuleId(pub u64);

/// Names a user's memory, not a region of stable memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryId(pub u64);

const CAPSULE_PREFIX: &str = "capsule-";
const MEMORY_PREFIX: &str = "mem_";

impl std::fmt::Display for CapsuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{CAPSULE_PREFIX}{}", self.0)
    }
}

impl std::fmt::Display for MemoryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{MEMORY_PREFIX}{}", self.0)
    }
}

impl CapsuleId {
    /// `InvalidArgument` for a text that is too long, `NotFound` for any other that isn't an id.
    pub fn parse(text: &str) -> Result<Self> {
        number("capsule_id", text, CAPSULE_PREFIX).map(Self)
    }
}

impl MemoryId {
    /// As [`CapsuleId::parse`].
    pub fn parse(text: &str) -> Result<Self> {
        number("memory_id", text, MEMORY_PREFIX).map(Self)
    }
}

/// The number in an id. Only the canonical decimal form is an id.
fn number(what: &str, text: &str, prefix: &str) -> Result<u64> {
    if text.len() > MAX_ID_BYTES {
        return Err(Error::invalid(format!(
            "{what} length is {} bytes, expected at most {MAX_ID_BYTES}",
            text.len()
        )));
    }
    let digits = text.strip_prefix(prefix).ok_or(Error::NotFound)?;
    let number: u64 = digits.parse().map_err(|_| Error::NotFound)?;
    if number.to_string() == digits {
        Ok(number)
    } else {
        Err(Error::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_form() {
        assert_eq!(CapsuleId::parse("capsule-12"), Ok(CapsuleId(12)));
        assert_eq!(CapsuleId(12).to_string(), "capsule-12");
        assert_eq!(MemoryId::parse(&MemoryId(7).to_string()), Ok(MemoryId(7)));
        for unknown in [
            "",
            "capsule-",
            "capsule-012",
            "capsule-+1",
            "mem_1",
            "capsule-1#",
            "capsule--1",
        ] {
            assert_eq!(CapsuleId::parse(unknown), Err(Error::NotFound), "{unknown}");
        }
        let long = "c".repeat(MAX_ID_BYTES + 1);
        assert!(matches!(
            CapsuleId::parse(&long),
            Err(Error::InvalidArgument(_))
        ));
    }
}
