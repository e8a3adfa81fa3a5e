//! One line of `sessions_list`, the gateway's list of sessions as text.

use serde_json::{Value, json};

/// A session of any user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLine {
    pub id: u64,
    pub state: String,
    pub capsule: String,
    /// The name of the file, in which the gateway escaped what is not printable.
    pub name: String,
    pub received_chunks: u64,
    pub expected_chunks: u64,
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub last_seen: u64,
}

impl SessionLine {
    /// Reads a line such as `session 7: pending, capsule capsule-1, name "a.jpg", 1 of 3 chunks,
    /// 1800000 bytes, last seen 1700000000000000000`. `None` if it is another one.
    pub fn parse(line: &str) -> Option<Self> {
        let (id, rest) = line.strip_prefix("session ")?.split_once(": ")?;
        let (state, rest) = rest.split_once(", capsule ")?;
        // a name may have anything, so the fields behind it are read from the end
        let (rest, last_seen) = rest.rsplit_once(", last seen ")?;
        let (rest, bytes) = rest.strip_suffix(" bytes")?.rsplit_once(", ")?;
        let (rest, chunks) = rest.strip_suffix(" chunks")?.rsplit_once(", ")?;
        let (received, expected) = chunks.split_once(" of ")?;
        let (capsule, name) = rest.split_once(", name \"")?;
        Some(Self {
            id: id.parse().ok()?,
            state: state.into(),
            capsule: capsule.into(),
            name: name.strip_suffix('"')?.into(),
            received_chunks: received.parse().ok()?,
            expected_chunks: expected.parse().ok()?,
            bytes: bytes.parse().ok()?,
            last_seen: last_seen.parse().ok()?,
        })
    }

    pub fn json(&self) -> Value {
        json!({
            "session": self.id,
            "state": self.state,
            "capsule": self.capsule,
            "name": self.name,
            "received_chunks": self.received_chunks,
            "expected_chunks": self.expected_chunks,
            "received_bytes": self.bytes,
            "last_activity_at_ns": self.last_seen,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_read_whatever_the_name_is() {
        for name in [
            "a.jpg",
            "",
            r#"\", name \"x\", 9 of 9 chunks, 9 bytes, last seen 9"#,
            ", capsule x, 1 of 2 chunks, 3 bytes",
        ] {
            let line = format!(
                "session 7: pending, capsule capsule-1, name \"{name}\", 1 of 3 chunks, 1800000 \
                 bytes, last seen 1700000000000000000"
            );
            let session = SessionLine::parse(&line).unwrap();
            assert_eq!((session.id, session.name.as_str()), (7, name));
            assert_eq!(session.state, "pending");
            assert_eq!(session.capsule, "capsule-1");
            assert_eq!((session.received_chunks, session.expected_chunks), (1, 3));
            assert_eq!(session.bytes, 1_800_000);
            assert_eq!(session.last_seen, 1_700_000_000_000_000_000);
        }
        for other in ["", "and more than these 1000", "session x: pending"] {
            assert_eq!(SessionLine::parse(other), None);
        }
    }
}
