//! The times of a file, and what the metadata of its memory say about them.
//!
//! The interface has room for nanoseconds since 1970 and fixes no unit. So a small number may be
//! seconds of today as well as nanoseconds of 1970, and a time before 1970 has no number at all. A
//! tag says such a time exactly, and a small number without it says nothing.

use capsule_shared::asset::AssetMetadataBase;
use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How the tag begins that holds when the file was modified, in nanoseconds since 1970. Nanoseconds
/// before 1970 are negative.
const TAG: &str = "modified_ns:";

/// The least number that certainly is nanoseconds: some day of April 1970. Milliseconds and
/// microseconds of our centuries are smaller.
const LEAST_NANOSECONDS: u64 = 10_000_000_000_000_000;

/// The times of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When the file was made, in nanoseconds since 1970; 0 if the system doesn't know, or for a
    /// time before. A copy is newer than its content, so this is never after `modified`.
    pub created: u64,
    /// When it was modified, in the same way.
    pub modified: u64,
    /// The same as the tag says it, if the number doesn't.
    exact: Option<i128>,
}

impl Times {
    pub fn of(file: &Metadata) -> Self {
        let Ok(time) = file.modified() else {
            return Self::default();
        };
        let exact = since_1970(time);
        let modified = number(exact);
        let created = file
            .created()
            .map_or(modified, |time| number(since_1970(time)));
        Self {
            created: created.min(modified),
            modified,
            exact: (!is_certain(modified)).then_some(exact),
        }
    }

    /// Writes the times into the metadata of a memory.
    pub fn tell(&self, metadata: &mut AssetMetadataBase) {
        metadata.created_at = self.created;
        metadata.updated_at = self.modified;
        metadata
            .tags
            .extend(self.exact.map(|exact| format!("{TAG}{exact}")));
    }
}

/// When the file was modified last, as the client that sent it said.
pub fn modified(metadata: &AssetMetadataBase) -> Option<SystemTime> {
    let tag = metadata.tags.iter().find_map(|tag| tag.strip_prefix(TAG));
    if let Some(exact) = tag.and_then(|digits| digits.parse().ok()) {
        return at(exact);
    }
    let times = [metadata.updated_at, metadata.created_at];
    at(times.into_iter().find(|time| is_certain(*time))?.into())
}

/// Whether a number is nanoseconds, whatever other clients use.
fn is_certain(number: u64) -> bool {
    number >= LEAST_NANOSECONDS
}

/// Nanoseconds since 1970.
fn since_1970(time: SystemTime) -> i128 {
    let nanoseconds = |duration: Duration| duration.as_nanos() as i128;
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => nanoseconds(since),
        Err(before) => -nanoseconds(before.duration()),
    }
}

/// The number in the metadata; 0 for a time that it can't hold.
fn number(since_1970: i128) -> u64 {
    u64::try_from(since_1970).unwrap_or(0)
}

/// A time that anybody may have written. `None` if this system can't hold it.
fn at(since_1970: i128) -> Option<SystemTime> {
    const SECOND: u128 = 1_000_000_000;
    let nanoseconds = since_1970.unsigned_abs();
    let seconds = u64::try_from(nanoseconds / SECOND).ok()?;
    let duration = Duration::new(seconds, (nanoseconds % SECOND) as u32);
    match since_1970 < 0 {
        true => UNIX_EPOCH.checked_sub(duration),
        false => UNIX_EPOCH.checked_add(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use capsule_shared::asset::{AssetMetadata, of_file};

    fn base() -> AssetMetadataBase {
        match of_file("a", "text/plain", 1) {
            AssetMetadata::Document(document) => document.base,
            _ => panic!("text is a document"),
        }
    }

    fn told(created_at: u64, updated_at: u64) -> Option<u64> {
        let mut base = base();
        (base.created_at, base.updated_at) = (created_at, updated_at);
        Some(number(since_1970(modified(&base)?)))
    }

    #[test]
    fn only_nanoseconds_are_restored() {
        let (made, changed) = (1_577_836_800_000_000_000, 1_577_836_800_123_456_789);
        assert_eq!(told(made, changed), Some(changed));
        assert_eq!(told(made, 0), Some(made));
        assert_eq!(told(0, 0), None);
        // seconds, milliseconds and microseconds of the years 2026 and 1985
        for second in [1_798_000_000, 473_385_600] {
            for other in [second, second * 1_000, second * 1_000_000] {
                assert_eq!(told(other, other), None);
            }
        }
        // the last time of the interface
        assert_eq!(told(0, u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn every_time_of_a_file_comes_back() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let day = Duration::from_secs(86_400);
        for time in [
            UNIX_EPOCH,
            UNIX_EPOCH + Duration::new(1, 500),
            UNIX_EPOCH + 1_798 * Duration::from_secs(1),
            UNIX_EPOCH + 20 * day,
            UNIX_EPOCH + 115 * day,
            UNIX_EPOCH - Duration::new(1, 500),
            UNIX_EPOCH - 10_000 * day,
            UNIX_EPOCH + 20_000 * day,
        ] {
            file.as_file().set_modified(time).unwrap();
            let kept = file.as_file().metadata().unwrap();
            assert_eq!(kept.modified().unwrap(), time);
            let mut base = base();
            Times::of(&kept).tell(&mut base);
            assert_eq!(modified(&base), Some(time));
            let early = time < UNIX_EPOCH + 115 * day + day;
            assert_eq!(base.tags.len(), usize::from(early), "{:?}", base.tags);
        }
    }

    #[test]
    fn a_tag_of_a_stranger_is_no_time_that_the_system_cannot_hold() {
        let tagged = |text: &str| {
            let mut base = base();
            base.tags = vec!["modified_ns".into(), format!("{TAG}{text}")];
            base.updated_at = 7_000_000_000_000_000_000;
            modified(&base).map(since_1970)
        };
        for huge in [i128::MAX, i128::MIN] {
            assert_eq!(tagged(&huge.to_string()), None);
        }
        assert_eq!(tagged("-7"), Some(-7));
        for other in ["", "x", "1.5"] {
            assert_eq!(tagged(other), Some(7_000_000_000_000_000_000));
        }
    }
}
