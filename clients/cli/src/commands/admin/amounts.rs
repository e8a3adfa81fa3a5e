//! Bytes, cycles and times in the form that people read. JSON has the exact numbers.

use indicatif::BinaryBytes;
use std::time::{SystemTime, UNIX_EPOCH};

/// The cell of a value that isn't known.
pub const UNKNOWN: &str = "-";

pub fn bytes(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

/// Cycles in the largest unit that leaves a digit before the point.
pub fn cycles(cycles: u128) -> String {
    for (unit, name) in [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
    ] {
        if cycles >= unit {
            let tenths = cycles / (unit / 10);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    cycles.to_string()
}

/// Cycles as JSON has them.
pub fn exact(cycles: u128) -> u64 {
    u64::try_from(cycles).unwrap_or(u64::MAX)
}

/// The share in percent, with one digit behind the point. Nothing has no share.
pub fn percent(part: u64, whole: u64) -> Option<f64> {
    let thousandths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    (whole > 0).then_some(thousandths as f64 / 10.0)
}

/// Nanoseconds since 1970, by the clock of this machine.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos() as u64)
}

/// How long a time is ago.
pub fn age(at: u64, now: u64) -> String {
    let seconds = now.saturating_sub(at) / 1_000_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The form of a value that may not be known.
pub fn or_unknown<T>(value: Option<T>, form: impl FnOnce(T) -> String) -> String {
    value.map_or(UNKNOWN.to_string(), form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_have_a_unit() {
        for (number, expected) in [
            (0, "0"),
            (999_999, "999999"),
            (1_000_000, "1.0 M"),
            (42_260_000_000, "42.2 G"),
            (1_999_999_999_999, "1.9 T"),
            (10_000_000_000_000_000, "10000.0 T"),
        ] {
            assert_eq!(cycles(number), expected);
        }
        assert_eq!(exact(u128::MAX), u64::MAX);
    }

    #[test]
    fn a_share_and_an_age_are_rounded_down() {
        assert_eq!(percent(1, 3), Some(33.3));
        assert_eq!(percent(u64::MAX, u64::MAX), Some(100.0));
        assert_eq!(percent(0, 0), None);
        let second = 1_000_000_000;
        for (seconds, expected) in [
            (119, "119 s"),
            (120, "2 min"),
            (7_200, "2 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(age(5 * second, (5 + seconds) * second), expected);
        }
        assert_eq!(age(9, 5), "0 s");
    }
}
