//! The least and the most of every setting that is a number.

use crate::failure::{Failure, Result};
use crate::session::received::MAX_REORDER_WINDOW;
use capsule_shared::gateway::{GatewayArgs, GatewayConfig};
use capsule_shared::limits::MAX_CHUNK_BYTES;

const MINUTE_NS: u64 = 60_000_000_000;
const HOUR_NS: u64 = 60 * MINUTE_NS;
const YEAR_NS: u64 = 365 * 24 * HOUR_NS;

/// More than a subnet stores, and far from overflowing a sum, in bytes.
const PEBIBYTE: u64 = 1 << 50;

/// The least of a limit in bytes: less takes no chunk of the advised size.
const ONE_CHUNK: u64 = MAX_CHUNK_BYTES as u64;

/// The records of so many sessions fit into the gateway's stable memory.
const MANY: u64 = 1_000_000;

/// One setting: its name, and the values that it may have.
pub struct Range {
    pub name: &'static str,
    pub least: u64,
    pub most: u64,
    pub unit: &'static str,
    /// Why neither less nor more makes sense.
    pub reason: &'static str,
    /// Whether 0 is fine although it is below the least.
    zero: bool,
    pub of: fn(&GatewayConfig) -> u64,
    pub set: fn(&mut GatewayConfig, u64),
    pub given: fn(&GatewayArgs) -> Option<u64>,
}

/// `setting!(name: type, [0,] least to most, unit, reason)`
macro_rules! setting {
    ($name:ident: $type:ty, 0, $($rest:tt)*) => {
        setting!(@ true, $name: $type, $($rest)*)
    };
    (
        @ $zero:literal, $name:ident: $type:ty,
        $least:expr => $most:expr, $unit:literal, $why:literal
    ) => {
        Range {
            name: stringify!($name),
            least: $least,
            most: $most,
            unit: $unit,
            reason: $why,
            zero: $zero,
            of: |config| u64::from(config.$name),
            set: |config, value| {
                config.$name = <$type>::try_from(value).expect("BUG: a most above its type");
            },
            given: |args| args.$name.map(u64::from),
        }
    };
    ($name:ident: $type:ty, $($rest:tt)*) => {
        setting!(@ false, $name: $type, $($rest)*)
    };
}

pub const RANGES: [Range; 11] = [
    setting!(max_sessions_per_principal: u32, 1 => MANY, "sessions",
        "0 lets nobody begin; max_sessions 0 does that on purpose"),
    setting!(max_sessions_per_capsule: u32, 1 => MANY, "sessions",
        "0 lets nobody begin; max_sessions 0 does that on purpose"),
    setting!(max_sessions: u32, 0 => MANY, "sessions",
        "0 lets open uploads end before maintenance"),
    setting!(max_bytes_per_capsule: u64, ONE_CHUNK => PEBIBYTE, "bytes",
        "less takes no chunk; a value in MiB or GiB would be less"),
    setting!(session_ttl_ns: u64, 10 * MINUTE_NS => YEAR_NS, "nanoseconds",
        "less ends uploads while their clients retry; a value in seconds would end all at once"),
    setting!(committed_retention_ns: u64, HOUR_NS => YEAR_NS, "nanoseconds",
        "a client that lost the answer to its finish asks again within this time"),
    setting!(reorder_window: u32, 0 => MAX_REORDER_WINDOW as u64, "indexes",
        "a session's record has that many bits"),
    setting!(max_bytes_per_principal_per_day: u64, ONE_CHUNK => PEBIBYTE, "bytes",
        "less takes no chunk; a value in MiB or GiB would be less"),
    setting!(max_bytes_per_day: u64, 2 * ONE_CHUNK => PEBIBYTE, "bytes",
        "half of less takes no chunk; a value in MiB or GiB would be less"),
    setting!(max_capsules_per_principal: u32, 1 => MANY, "capsules",
        "0 lets nobody begin; capsule_creators does that on purpose"),
    setting!(trash_retention_ns: u64, 0, HOUR_NS => YEAR_NS, "nanoseconds",
        "0 has no trash; a value in seconds would empty it at once"),
];

impl Range {
    fn has(&self, value: u64) -> bool {
        (self.least..=self.most).contains(&value) || (self.zero && value == 0)
    }

    /// The nearest value in the range.
    pub fn nearest(&self, value: u64) -> u64 {
        match self.has(value) {
            true => value,
            false => value.clamp(self.least, self.most),
        }
    }

    /// `InvalidArgument` for a value out of range, with the setting's name.
    pub fn check(&self, value: u64) -> Result<()> {
        if self.has(value) {
            return Ok(());
        }
        let Range {
            name,
            least,
            most,
            unit,
            reason,
            ..
        } = self;
        let zero = if self.zero { "0 or " } else { "" };
        Err(Failure::invalid(format!(
            "{name} is {value}, expected {zero}{least} to {most} {unit}: {reason}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use candid::types::{CandidType, TypeInner};

    /// A new setting is either a number with a range, or named here.
    #[test]
    fn every_setting_that_is_a_number_has_a_range() {
        let without = [
            "memory_index",
            "blob_stores",
            "allow_anonymous",
            "capsule_creators",
            // It is no setting: it changes the counter of sessions once.
            "first_session",
        ];
        let TypeInner::Record(fields) = GatewayArgs::_ty().as_ref().clone() else {
            panic!("the settings are no record");
        };
        let mut settings: Vec<_> = fields.iter().map(|field| field.id.to_string()).collect();
        let mut known: Vec<_> = RANGES.iter().map(|range| range.name).collect();
        known.extend(without);
        settings.sort();
        known.sort();
        assert_eq!(settings, known);
    }

    #[test]
    fn the_defaults_are_in_range() {
        for range in &RANGES {
            range.check((range.of)(Config::default().public())).unwrap();
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused_by_name() {
        for range in &RANGES {
            let mut wrong = vec![range.most + 1];
            if range.least > 1 {
                wrong.push(range.least - 1);
            }
            for value in wrong {
                let text = range.check(value).unwrap_err().to_string();
                let start = format!("{} is {value}, expected ", range.name);
                assert!(text.contains(&start), "{text}");
                assert!(range.check(range.nearest(value)).is_ok());
            }
            for value in [range.least, range.most] {
                range.check(value).unwrap();
                let mut config = Config::default().public().clone();
                (range.set)(&mut config, value);
                assert_eq!((range.of)(&config), value);
            }
        }
    }
}
