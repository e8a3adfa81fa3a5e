//! Refusals that say that the clocks of this machine and of the network differ.

use std::fmt;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// The words of every replica about an expiry that is out of range.
const WORDS: &str = "ingress_expiry not within expected range";

/// In these words a replica tells its own time, give or take a minute.
const EARLIEST: &str = "Minimum allowed expiry: ";

/// The least difference that refuses a message which arrives at once, in seconds.
const LEAST_SECONDS: i64 = 90;

/// Why the network refused the expiry of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Expiry {
    Clocks(Clocks),
    /// The clocks agree, so the message was under way for too long.
    Late,
}

/// How the clock of this machine differs from the network's.
#[derive(Debug, PartialEq, Eq)]
pub struct Clocks {
    /// How many seconds it is ahead, if that is known.
    ahead_seconds: Option<i64>,
}

impl Expiry {
    /// Reads a refusal that came at `now` by the clock of this machine. `None` if it is about
    /// something else.
    pub fn refused(text: &str, now: OffsetDateTime) -> Option<Self> {
        if !text.contains(WORDS) {
            return None;
        }
        let told = text.split_once(EARLIEST).map(|(_, rest)| rest);
        let told = told.and_then(|rest| rest.split(',').next()).and_then(time);
        let ahead = told.map(|network| (now - network).whole_seconds());
        Some(match ahead {
            Some(seconds) if seconds.abs() < LEAST_SECONDS => Self::Late,
            ahead_seconds => Self::Clocks(Clocks { ahead_seconds }),
        })
    }
}

/// Reads nanoseconds since 1970, or a date such as `2025-05-01 23:55:18.005 UTC`.
fn time(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(nanos) = text.parse::<u64>() {
        return OffsetDateTime::from_unix_timestamp_nanos(nanos.into()).ok();
    }
    let text = text.strip_suffix(" UTC")?;
    let (whole, _) = text.split_once('.').unwrap_or((text, ""));
    let numbers: Option<Vec<i32>> = whole
        .split(['-', ' ', ':'])
        .map(|number| number.parse().ok())
        .collect();
    let [year, month, day, hour, minute, second]: [i32; 6] = numbers?.try_into().ok()?;
    let small = |number: i32| u8::try_from(number).ok();
    let month = Month::try_from(small(month)?).ok()?;
    let date = Date::from_calendar_date(year, month, small(day)?).ok()?;
    let time = Time::from_hms(small(hour)?, small(minute)?, small(second)?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

impl fmt::Display for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seconds) = self.ahead_seconds else {
            return f.write_str("the clock of this machine differs from the network's");
        };
        let (amount, unit) = rounded(seconds.unsigned_abs());
        let side = if seconds < 0 { "behind" } else { "ahead of" };
        write!(
            f,
            "the clock of this machine is about {amount} {unit} {side} the network's"
        )
    }
}

/// Seconds in the unit that people would use.
fn rounded(seconds: u64) -> (u64, &'static str) {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let in_units = |unit| (seconds + unit / 2) / unit;
    match seconds {
        0..7_200 => (in_units(MINUTE), "minutes"),
        7_200..172_800 => (in_units(HOUR), "hours"),
        _ => (in_units(DAY), "days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: i64 = 1_746_143_718;

    /// A replica's refusal at the time `NETWORK`.
    const REFUSAL: &str = "Invalid request expiry: Specified ingress_expiry not within expected \
        range: Minimum allowed expiry: 2025-05-01 23:55:18.005285297 UTC, Maximum allowed expiry: \
        2025-05-02 00:00:48.005285297 UTC, Provided expiry:        2025-05-01 12:38:00 UTC";

    fn said(text: &str, ahead_seconds: i64) -> String {
        let now = OffsetDateTime::from_unix_timestamp(NETWORK + ahead_seconds).unwrap();
        match Expiry::refused(text, now) {
            Some(Expiry::Clocks(clocks)) => clocks.to_string(),
            other => panic!("expected a difference, got {other:?}"),
        }
    }

    #[test]
    fn a_refused_expiry_says_how_the_clocks_differ() {
        let clock = |rest: &str| format!("the clock of this machine is about {rest} the network's");
        for (ahead, rest) in [
            (600, "10 minutes ahead of"),
            (-600, "10 minutes behind"),
            (-3_600, "60 minutes behind"),
            (7_200, "2 hours ahead of"),
            (-12 * 3_600, "12 hours behind"),
            (365 * 86_400, "365 days ahead of"),
        ] {
            assert_eq!(said(REFUSAL, ahead), clock(rest));
        }
        let numbers = "Invalid request expiry: Specified ingress_expiry not within expected \
            range: Minimum allowed expiry: 1746143718005285297, Maximum allowed expiry: \
            1746144078005285297, Provided expiry: 1746143000000000000";
        assert_eq!(said(numbers, -600), clock("10 minutes behind"));
    }

    #[test]
    fn a_refusal_without_a_readable_time_still_names_the_clocks() {
        for odd in [
            "yesterday UTC",
            "2025-13-01 00:00:00 UTC",
            "2025-05-01 UTC",
            "",
        ] {
            let text = format!("{WORDS}: {EARLIEST}{odd}, Maximum");
            let differs = "the clock of this machine differs from the network's";
            assert_eq!(said(&text, 600), differs, "{odd}");
        }
    }

    #[test]
    fn a_message_that_was_under_way_for_long_is_late() {
        let now = OffsetDateTime::from_unix_timestamp(NETWORK + 2).unwrap();
        assert_eq!(Expiry::refused(REFUSAL, now), Some(Expiry::Late));
        assert_eq!(Expiry::refused("the signature is not valid", now), None);
    }
}
