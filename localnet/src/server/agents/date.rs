//! Dates in the form of an official replica, which clients read in its refusals.

use time::OffsetDateTime;

/// A time (nanoseconds since 1970) as `2030-03-17 17:46:40.005 UTC`.
///
/// The fraction has 0, 3, 6 or 9 digits, as few as suffice.
pub fn date(nanos: u64) -> String {
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos.into())
        .expect("BUG: 64 bits reach only to the year 2554");
    let fraction = match date.nanosecond() {
        0 => String::new(),
        nanos if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
        nanos => format!(".{nanos:09}"),
    };
    let (hour, minute, second) = date.to_hms();
    format!(
        "{} {hour:02}:{minute:02}:{second:02}{fraction} UTC",
        date.date()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_as_few_digits_as_suffice() {
        for (nanos, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (
                1_746_143_718_005_285_297,
                "2025-05-01 23:55:18.005285297 UTC",
            ),
            (1_746_143_718_005_285_000, "2025-05-01 23:55:18.005285 UTC"),
            (1_746_143_718_050_000_000, "2025-05-01 23:55:18.050 UTC"),
            (u64::MAX, "2554-07-21 23:34:33.709551615 UTC"),
        ] {
            assert_eq!(date(nanos), text);
        }
    }
}
