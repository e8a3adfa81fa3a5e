//! Bounds that hold whatever the committed table says.

use super::row::Row;

/// Most computing, in millions of cycles for a chunk of 1.8 MB, with 1 GB stored.
///
/// It holds for uploads alone and interleaved. Uploads out of order cost more, because the store
/// hashes them again.
const MOST_COMPUTING: f64 = 200.0;
const COMPUTING: [&str; 2] = ["1 upload, 1 GB stored", "4 interleaved, 1 GB stored"];

/// Least speed in MB/s. The user's plan measured these on a single canister and allows no less.
///
/// Any machine that runs the tests is many times as fast, so a busy one passes too.
const SPEED: [(&str, f64); 2] = [
    ("1 upload, 1 GB stored", 0.62),
    ("4 interleaved, 1 GB stored", 0.50),
];

/// Returns what was measured and what was expected for the first row outside its bound.
pub fn check(rows: &[Row]) -> Result<(), String> {
    for name in COMPUTING {
        let computing = row(rows, name)?.computing();
        if computing > MOST_COMPUTING {
            return Err(format!(
                "`{name}`: computing is {computing:.1} M cycles a chunk, \
                 expected at most {MOST_COMPUTING} M"
            ));
        }
    }
    for (name, least) in SPEED {
        let speed = row(rows, name)?.speed();
        if speed < least {
            return Err(format!(
                "`{name}`: the speed is {speed:.2} MB/s, expected at least {least} MB/s"
            ));
        }
    }
    Ok(())
}

fn row<'r>(rows: &'r [Row], name: &str) -> Result<&'r Row, String> {
    let row = rows.iter().find(|row| row.name == name);
    row.ok_or_else(|| format!("`{name}` was not measured"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Statistics;
    use std::time::Duration;

    /// A row of one chunk of 1.8 MB that took `millis` and `instructions`.
    fn measured(name: &str, millis: u64, instructions: u64) -> Row {
        let store = Statistics {
            instructions,
            ..Statistics::default()
        };
        Row {
            name: name.into(),
            pieces: 1,
            bytes: 1_800_000,
            time: Duration::from_millis(millis),
            parts: [Statistics::default(), store, Statistics::default()],
            allocated: 0.0,
        }
    }

    fn both(single_ms: u64, interleaved_ms: u64, instructions: u64) -> [Row; 2] {
        [
            measured(COMPUTING[0], single_ms, instructions),
            measured(COMPUTING[1], interleaved_ms, instructions),
        ]
    }

    #[test]
    fn rows_within_the_bounds_pass() {
        assert_eq!(check(&both(2_900, 3_600, 199_000_000)), Ok(()));
    }

    #[test]
    fn uploads_slower_than_the_plan_fail() {
        let single = check(&both(2_910, 3_600, 0)).unwrap_err();
        assert!(single.contains("expected at least 0.62 MB/s"), "{single}");
        let interleaved = check(&both(2_900, 3_700, 0)).unwrap_err();
        assert!(interleaved.contains("at least 0.5 MB/s"), "{interleaved}");
    }

    #[test]
    fn too_much_computing_and_a_missing_row_fail() {
        let computing = check(&both(1, 1, 201_000_000)).unwrap_err();
        assert!(computing.contains("expected at most 200 M"), "{computing}");
        assert!(check(&[]).unwrap_err().contains("was not measured"));
    }
}
