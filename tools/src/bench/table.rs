//! The table of measurements in Markdown: prints it, reads it, and compares it with new rows.

use super::cells::{cells, exceeds};
use super::row::{COLUMNS, Row};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The cells of a table by the names of its rows.
pub type Table = BTreeMap<String, Vec<f64>>;

/// Prints the table with one row a line.
///
/// With `speed`, adds a column of megabytes a second, which depends on the machine.
pub fn render(rows: &[Row], speed: bool) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut out = format!("| {:width$} |", "per chunk");
    for column in &COLUMNS {
        write!(out, " {:>9} |", column.title).expect("BUG: a string is full");
    }
    if speed {
        out.push_str("  MB/s |");
    }
    write!(out, "\n| {} |", "-".repeat(width)).expect("BUG: a string is full");
    for _ in &COLUMNS {
        out.push_str(" --------: |");
    }
    if speed {
        out.push_str(" ----: |");
    }
    for row in rows {
        write!(out, "\n| {:width$} |", row.name).expect("BUG: a string is full");
        for cell in row.cells() {
            write!(out, " {cell:>9.2} |").expect("BUG: a string is full");
        }
        if speed {
            write!(out, " {:>5.1} |", row.speed()).expect("BUG: a string is full");
        }
    }
    out.push('\n');
    out
}

/// Reads the rows of a Markdown text: the lines with a number in each column.
pub fn parse(text: &str) -> Table {
    let mut table = Table::new();
    for line in text.lines() {
        if let Some((names, cells)) = cells(line, 1, COLUMNS.len()) {
            table.insert(names.concat(), cells);
        }
    }
    table
}

/// Compares new rows with a committed table.
///
/// Returns a sentence for each cell of cycles that exceeds the table, and for each row that is
/// missing on one side.
pub fn compare(committed: &Table, rows: &[Row]) -> Vec<String> {
    let mut worse = vec![];
    for row in rows {
        let Some(before) = committed.get(&row.name) else {
            worse.push(format!("`{}` is not in the committed table", row.name));
            continue;
        };
        for ((column, before), now) in COLUMNS.iter().zip(before).zip(row.cells()) {
            if column.is_cycles && exceeds(now, *before) {
                worse.push(format!(
                    "`{}`: {} is {now:.2} M cycles a chunk, \
                     {:.1} % above the committed {before:.2} M",
                    row.name,
                    column.title,
                    (now / before - 1.0) * 100.0
                ));
            }
        }
    }
    for name in committed.keys() {
        if !rows.iter().any(|row| row.name == *name) {
            worse.push(format!("`{name}` was not measured"));
        }
    }
    worse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Statistics;
    use std::time::Duration;

    fn row(name: &str, ingress: u128, instructions: u64) -> Row {
        let gateway = Statistics {
            ingress_cycles: ingress,
            instructions,
            ..Statistics::default()
        };
        Row {
            name: name.into(),
            chunks: 2,
            bytes: 1_000_000,
            time: Duration::from_secs(1),
            parts: [gateway, Statistics::default(), Statistics::default()],
        }
    }

    #[test]
    fn a_rendered_table_is_read_back() {
        let rows = [row("one", 4_000_000, 100_000_000), row("two", 8_000_000, 0)];
        let text = format!("# Prose | with a bar\n\n{}\nmore\n", render(&rows, false));
        let table = parse(&text);
        assert_eq!(table.len(), 2);
        let expected = [52.0, 0.0, 0.0, 2.0, 0.0, 50.0, 100.0, 0.0, 0.0, 0.0];
        assert_eq!(table["one"], expected);
        assert_eq!(compare(&table, &rows), Vec::<String>::new());
        assert!(render(&rows, true).contains("  1.0 |"));
    }

    #[test]
    fn more_cycles_than_the_tolerance_are_reported() {
        let table = parse(&render(&[row("one", 100_000_000, 0)], false));
        let compared = |ingress| compare(&table, &[row("one", ingress, 0)]);
        assert_eq!(compared(102_900_000), Vec::<String>::new());
        assert_eq!(compared(50_000_000), Vec::<String>::new());
        let worse = compared(104_000_000);
        let expected =
            "`one`: gateway is 52.00 M cycles a chunk, 4.0 % above the committed 50.00 M";
        assert_eq!(worse[0], expected);
        assert!(worse[1].contains("ingress"));
    }

    #[test]
    fn rows_of_only_one_table_are_reported() {
        let table = parse(&render(&[row("old", 0, 0)], false));
        let worse = compare(&table, &[row("new", 0, 0)]);
        assert_eq!(
            worse,
            [
                "`new` is not in the committed table",
                "`old` was not measured"
            ]
        );
    }
}
