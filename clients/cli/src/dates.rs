//! Dates, in UTC: how they are printed, and how people name them.

use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::format_description::{BorrowedFormatItem, parse_borrowed};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcDateTime};

/// A time in nanoseconds since 1970 as a date and a minute.
pub fn date(nanoseconds: u64) -> String {
    let at = OffsetDateTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    format!(
        "{}-{:02}-{:02} {:02}:{:02} UTC",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute()
    )
}

/// A day, a minute or a second that a user named, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub start: u64,
    /// The first nanosecond behind it.
    pub end: u64,
}

impl std::str::FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a date, expected one such as 2026-11-30, \
                 \"2026-11-30 16:05\" (UTC) or 2026-11-30T16:05:00+01:00"
            )
        };
        let (start, length) = parse(text.trim_end_matches(" UTC")).ok_or_else(wrong)?;
        let start = u64::try_from(start.unix_timestamp_nanos()).map_err(|_| wrong())?;
        let end = start.saturating_add(length.as_nanos() as u64);
        Ok(Self { start, end })
    }
}

/// The beginning and the length of what a text names.
fn parse(text: &str) -> Option<(UtcDateTime, Duration)> {
    if let Ok(date) = Date::parse(text, &form("[year]-[month]-[day]")) {
        return Some((date.midnight().as_utc(), Duration::from_secs(24 * 3_600)));
    }
    for minute in [
        "[year]-[month]-[day] [hour]:[minute]",
        "[year]-[month]-[day]T[hour]:[minute]",
    ] {
        if let Ok(at) = PrimitiveDateTime::parse(text, &form(minute)) {
            return Some((at.as_utc(), Duration::from_secs(60)));
        }
    }
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some((at.to_utc(), Duration::from_secs(1)))
}

fn form(description: &str) -> Vec<BorrowedFormatItem<'_>> {
    parse_borrowed::<2>(description).expect("BUG: the description is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_798_761_599, "2026-12-31 23:59 UTC"),
            (1_798_761_600, "2027-01-01 00:00 UTC"),
        ] {
            assert_eq!(date(seconds * SECOND), expected);
        }
    }

    #[test]
    fn a_date_is_a_day_a_minute_or_a_second() {
        for (text, start, length) in [
            ("2000-02-29", 951_782_400, 86_400),
            ("2000-02-29 00:01", 951_782_460, 60),
            ("2000-02-29 00:01 UTC", 951_782_460, 60),
            ("2000-02-29T00:01", 951_782_460, 60),
            ("2000-02-29T00:00:01Z", 951_782_401, 1),
            ("2000-02-29T01:00:01+01:00", 951_782_401, 1),
        ] {
            let period: Period = text.parse().unwrap();
            let (start, end) = (start * SECOND, (start + length) * SECOND);
            assert_eq!(period, Period { start, end }, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2001-02-29",
            "29.02.2000",
            "2000-2-9",
            "1969-12-31",
        ] {
            let error = text.parse::<Period>().unwrap_err();
            assert!(error.contains("2026-11-30"), "{error}");
        }
    }
}
