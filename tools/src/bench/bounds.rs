//! Bounds that hold whatever the committed table says.
//!
//! They come from the plan behind this project. Each belongs to some kinds of rows.

use super::row::{Kind, Row};
use super::work::EMPTY;
use crate::deployment::Part::{BlobStore, Gateway};
use capsule_shared::limits::MAX_CHUNK_BYTES;

/// A figure of a row, as complaints name it.
#[derive(Clone, Copy)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    of: fn(&Row) -> f64,
}

const fn cycles(name: &'static str, of: fn(&Row) -> f64) -> Figure {
    let unit = "M cycles a chunk";
    Figure { name, unit, of }
}

const fn bytes(name: &'static str, of: fn(&Row) -> f64) -> Figure {
    let unit = "for each byte";
    Figure { name, unit, of }
}

const COMPUTING: Figure = cycles("computing", Row::computing);
const STORE: Figure = cycles("the store's computing", |row| row.cycles(BlobStore));
const WRITTEN: Figure = bytes("written", Row::written);
const DIRTIED_BY_STORE: Figure = bytes("dirtied by the store", |row| row.dirtied(BlobStore));
const DIRTIED_BY_GATEWAY: Figure = bytes("dirtied by the gateway", |row| row.dirtied(Gateway));
const READ: Figure = bytes("read", Row::read);
const ALLOCATED: Figure = bytes("allocated", Row::grown);

/// Whether a bound belongs to a row.
type Belongs = fn(&Row) -> bool;

/// The most that a figure may be, and the rows that this belongs to.
const BOUNDS: [(Figure, f64, Belongs); 11] = [
    (STORE, 14.0, |row| row.name == EMPTY),
    (STORE, 14.5, |row| full_in_order(row) && row.name != EMPTY),
    (COMPUTING, 175.0, full_in_order),
    // The store hashes these again.
    (COMPUTING, 200.0, |row| row.kind == Kind::OutOfOrder),
    (COMPUTING, 8.0, |row| row.kind == Kind::Deletion),
    (WRITTEN, 1.05, full_upload),
    (DIRTIED_BY_STORE, 2.2, full_upload),
    (DIRTIED_BY_GATEWAY, 1.2, full_upload),
    (READ, 0.05, full_in_order),
    (ALLOCATED, 1.01, |row| {
        is_upload(row) && !has_small_chunks(row)
    }),
    (ALLOCATED, 1.1, |row| {
        is_upload(row) && has_small_chunks(row)
    }),
];

/// Least speed in MB/s. The plan measured these on a single canister and allows no less.
///
/// Any machine that runs the tests is many times as fast, so a busy one passes too.
const SPEED: [(&str, f64); 2] = [
    ("1 upload, 1 GB stored", 0.62),
    ("4 interleaved, 1 GB stored", 0.50),
];

fn is_upload(row: &Row) -> bool {
    matches!(row.kind, Kind::InOrder | Kind::OutOfOrder)
}

fn chunk_bytes(row: &Row) -> u64 {
    row.bytes / row.pieces
}

/// Chunks that are so small that a file of them may lose a tenth.
fn has_small_chunks(row: &Row) -> bool {
    chunk_bytes(row) <= 50
}

fn full_upload(row: &Row) -> bool {
    is_upload(row) && chunk_bytes(row) == MAX_CHUNK_BYTES as u64
}

fn full_in_order(row: &Row) -> bool {
    full_upload(row) && row.kind == Kind::InOrder
}

/// Returns what was measured and what was expected, for each figure outside its bound and for each
/// bound without a row.
pub fn check(rows: &[Row]) -> Result<(), String> {
    let mut outside = vec![];
    for (figure, most, belongs) in BOUNDS {
        let mut some = false;
        for row in rows.iter().filter(|row| belongs(row)) {
            some = true;
            outside.extend(above(&figure, most, row));
        }
        if !some {
            let Figure { name, unit, .. } = figure;
            let row = format!("expected a row with at most {most} {unit}");
            outside.push(format!("{name} was not measured, {row}"));
        }
    }
    for (name, least) in SPEED {
        match rows.iter().find(|row| row.name == name).map(Row::speed) {
            None => outside.push(format!("`{name}` was not measured")),
            Some(speed) if speed < least => outside.push(format!(
                "`{name}`: the speed is {speed:.2} MB/s, expected at least {least} MB/s"
            )),
            Some(_) => {}
        }
    }
    match outside.is_empty() {
        true => Ok(()),
        false => {
            let list = outside.join("\n  ");
            Err(format!("figures are outside their bounds:\n  {list}"))
        }
    }
}

fn above(figure: &Figure, most: f64, row: &Row) -> Option<String> {
    let Figure { name, unit, of } = figure;
    let is = of(row);
    (is > most).then(|| {
        let row = &row.name;
        format!("`{row}`: {name} is {is:.3} {unit}, expected at most {most}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Statistics;
    use std::time::Duration;

    /// A row of one chunk without costs.
    fn row(name: &str, kind: Kind, bytes: u64) -> Row {
        Row {
            name: name.into(),
            kind,
            pieces: 1,
            bytes,
            time: Duration::from_millis(2_900),
            parts: Default::default(),
            allocated: bytes as f64,
        }
    }

    /// Rows without costs, one at least for each bound.
    fn rows() -> Vec<Row> {
        let full = MAX_CHUNK_BYTES as u64;
        vec![
            row(EMPTY, Kind::InOrder, full),
            row(SPEED[0].0, Kind::InOrder, full),
            row(SPEED[1].0, Kind::InOrder, full),
            row("out of order", Kind::OutOfOrder, full),
            row("deletion", Kind::Deletion, full),
            row("50 bytes", Kind::InOrder, 50),
        ]
    }

    /// Changes these rows, and returns the complaints.
    fn changed(numbers: &[usize], change: impl Fn(&mut Row)) -> Vec<String> {
        let mut rows = rows();
        numbers.iter().for_each(|number| change(&mut rows[*number]));
        match check(&rows) {
            Ok(()) => vec![],
            Err(text) => text
                .lines()
                .skip(1)
                .map(|line| line.trim().into())
                .collect(),
        }
    }

    fn store(row: &mut Row) -> &mut Statistics {
        &mut row.parts[1]
    }

    const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];

    #[test]
    fn rows_within_the_bounds_pass() {
        assert_eq!(check(&rows()), Ok(()));
        let most = |row: &mut Row| {
            store(row).instructions = 14_000_000;
            store(row).stable_written_bytes = row.bytes * 105 / 100;
        };
        assert_eq!(changed(&[0, 1, 2, 3], most), Vec::<String>::new());
    }

    #[test]
    fn the_store_computes_less_when_it_is_empty() {
        let outside = |instructions| changed(&ALL, |row| store(row).instructions = instructions);
        assert_eq!(outside(8_000_000), Vec::<String>::new());
        let empty = changed(&[0, 1, 2], |row| store(row).instructions = 14_400_000);
        let expected = "`1 upload, nothing stored`: the store's computing is 14.400 M cycles a \
                        chunk, expected at most 14";
        assert_eq!(empty, [expected]);
        let filled = changed(&[1], |row| store(row).instructions = 14_600_000);
        assert_eq!(filled.len(), 1);
        assert!(filled[0].ends_with("expected at most 14.5"), "{filled:?}");
    }

    #[test]
    fn too_much_computing_fails_by_kind() {
        for (number, within, above) in [
            (1, 175_000_000, 175_100_000),
            (3, 200_000_000, 200_100_000),
            (4, 8_000_000, 8_100_000),
        ] {
            let outside =
                |instructions| changed(&[number], |row| row.parts[0].instructions = instructions);
            assert_eq!(outside(within), Vec::<String>::new());
            let text = outside(above).concat();
            assert!(text.contains(": computing is"), "{text}");
        }
    }

    #[test]
    fn too_many_bytes_fail_in_rows_of_full_chunks() {
        let percent = |row: &Row, percent: u64| row.bytes * percent / 100;
        type Change = fn(&mut Row, u64);
        let kinds: [(&str, Change, u64, &[usize]); 4] = [
            (
                "written",
                |row, n| store(row).stable_written_bytes = n,
                105,
                &[0, 1, 2, 3],
            ),
            (
                "dirtied by the store",
                |row, n| store(row).dirtied_bytes = n,
                220,
                &[0, 1, 2, 3],
            ),
            (
                "dirtied by the gateway",
                |row, n| row.parts[0].dirtied_bytes = n,
                120,
                &[0, 1, 2, 3],
            ),
            (
                "read",
                |row, n| store(row).stable_read_bytes = n,
                5,
                &[0, 1, 2],
            ),
        ];
        for (name, change, most, belongs) in kinds {
            let outside = |most| {
                changed(&ALL, |row| {
                    let bytes = percent(row, most);
                    change(row, bytes);
                })
            };
            assert_eq!(outside(most), Vec::<String>::new(), "{name}");
            let above = outside(most + 1);
            assert_eq!(above.len(), belongs.len(), "{above:?}");
            for (text, number) in above.iter().zip(belongs) {
                let begin = format!("`{}`: {name} is ", rows()[*number].name);
                assert!(text.starts_with(&begin), "{text}");
            }
        }
    }

    #[test]
    fn small_chunks_may_lose_more_space() {
        let outside = |share| changed(&ALL, |row| row.allocated = row.bytes as f64 * share);
        assert_eq!(outside(1.01), Vec::<String>::new());
        assert_eq!(outside(1.09).len(), 4);
        assert_eq!(outside(1.11).len(), 5);
    }

    #[test]
    fn uploads_slower_than_the_plan_fail() {
        let slower = changed(&ALL, |row| row.time = Duration::from_millis(2_910));
        assert_eq!(slower.len(), 1);
        assert!(
            slower[0].contains("expected at least 0.62 MB/s"),
            "{slower:?}"
        );
        let slower = changed(&[2], |row| row.time = Duration::from_millis(3_700));
        assert!(
            slower[0].contains("expected at least 0.5 MB/s"),
            "{slower:?}"
        );
    }

    #[test]
    fn a_bound_without_a_row_fails() {
        let text = check(&[]).unwrap_err();
        assert_eq!(text.matches("was not measured").count(), 11 + 2, "{text}");
    }
}
