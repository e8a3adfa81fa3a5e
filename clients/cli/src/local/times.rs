//! The times of a file in the metadata of its memory.

use capsule_shared::asset::AssetMetadataBase;
use std::time::{Duration, SystemTime};

/// The least number that certainly is nanoseconds since 1970: some day of April 1970.
///
/// The interface fixes no unit. Milliseconds and microseconds of our centuries are smaller.
const LEAST_NANOSECONDS: u64 = 10_000_000_000_000_000;

/// When the file was modified last, as the client that sent it said in nanoseconds.
pub fn modified(metadata: &AssetMetadataBase) -> Option<SystemTime> {
    let times = [metadata.updated_at, metadata.created_at];
    let nanoseconds = times.into_iter().find(|time| *time >= LEAST_NANOSECONDS)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::asset::{AssetMetadata, of_file};

    fn told(created_at: u64, updated_at: u64) -> Option<u64> {
        let mut base = match of_file("a", "text/plain", 1) {
            AssetMetadata::Document(document) => document.base,
            _ => panic!("text is a document"),
        };
        (base.created_at, base.updated_at) = (created_at, updated_at);
        let time = modified(&base)?.duration_since(SystemTime::UNIX_EPOCH);
        Some(time.unwrap().as_nanos() as u64)
    }

    #[test]
    fn only_nanoseconds_are_restored() {
        let (made, changed) = (1_577_836_800_000_000_000, 1_577_836_800_123_456_789);
        assert_eq!(told(made, changed), Some(changed));
        assert_eq!(told(made, 0), Some(made));
        assert_eq!(told(0, 0), None);
        // seconds, milliseconds and microseconds of the year 2026
        for other in [1_798_000_000, 1_798_000_000_000, 1_798_000_000_000_000] {
            assert_eq!(told(other, other), None);
        }
        // the last time of the interface
        assert_eq!(told(0, u64::MAX), Some(u64::MAX));
    }
}
