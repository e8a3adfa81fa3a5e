//! A table of measurements in Markdown: prints it, reads it, and compares it with new rows.

use super::cells::{cells, exceeds};
use super::form::Form;
use super::row::Row;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The cells of a table by the names of its rows.
pub type Table = BTreeMap<String, Vec<f64>>;

/// The least width of a column.
const WIDTH: usize = 9;

/// Prints the table with one row a line.
///
/// With `speed`, adds a column of megabytes a second, which depends on the machine.
pub fn render(form: &Form, rows: &[Row], speed: bool) -> String {
    let names = rows.iter().map(|row| row.name.len());
    let width = names.max().unwrap_or(0).max(form.names.len());
    let mut out = format!("| {:width$} |", form.names);
    let mut rule = format!("| {} |", "-".repeat(width));
    for column in form.columns {
        let wide = column.title.len().max(WIDTH);
        write!(out, " {:>wide$} |", column.title).expect("BUG: a string is full");
        write!(rule, " {}: |", "-".repeat(wide - 1)).expect("BUG: a string is full");
    }
    if speed {
        out.push_str("  MB/s |");
        rule.push_str(" ----: |");
    }
    write!(out, "\n{rule}").expect("BUG: a string is full");
    for row in rows {
        write!(out, "\n| {:width$} |", row.name).expect("BUG: a string is full");
        for (column, cell) in form.columns.iter().zip(form.cells(row)) {
            let wide = column.title.len().max(WIDTH);
            let digits = column.decimals;
            write!(out, " {cell:>wide$.digits$} |").expect("BUG: a string is full");
        }
        if speed {
            write!(out, " {:>5.1} |", row.speed()).expect("BUG: a string is full");
        }
    }
    out.push('\n');
    out
}

/// Reads the rows of a Markdown text: the lines with a figure in each column.
pub fn parse(form: &Form, text: &str) -> Table {
    let mut table = Table::new();
    for line in text.lines() {
        if let Some((names, cells)) = cells(line, 1, form.columns.len()) {
            table.insert(names.concat(), cells);
        }
    }
    table
}

/// Compares new rows with a committed table.
///
/// Returns a sentence for each bounded figure that exceeds the table, and for each row that is
/// missing on one side.
pub fn compare(form: &Form, committed: &Table, rows: &[Row]) -> Vec<String> {
    let mut worse = vec![];
    for row in rows {
        let Some(before) = committed.get(&row.name) else {
            worse.push(format!("`{}` is not in the committed table", row.name));
            continue;
        };
        for ((column, before), now) in form.columns.iter().zip(before).zip(form.cells(row)) {
            if let Some(unit) = column.bounded
                && exceeds(now, *before)
            {
                worse.push(format!(
                    "`{}`: {} is {now:.2} {unit}, {:.1} % above the committed {before:.2}",
                    row.name,
                    column.title,
                    (now - before) / before.abs() * 100.0
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
    use crate::bench::form::{COSTS, MEMORY};
    use crate::bench::row::Kind;
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
            kind: Kind::InOrder,
            pieces: 2,
            bytes: 1_000_000,
            time: Duration::from_secs(1),
            parts: [gateway, Statistics::default(), Statistics::default()],
            allocated: 0.0,
        }
    }

    #[test]
    fn a_rendered_table_is_read_back() {
        let rows = [row("one", 4_000_000, 100_000_000), row("two", 8_000_000, 0)];
        let rendered = render(&COSTS, &rows, false);
        let table = parse(
            &COSTS,
            &format!("# Prose | with a bar\n\n{rendered}\nmore\n"),
        );
        assert_eq!(table.len(), 2);
        let expected = [52.0, 0.0, 0.0, 2.0, 0.0, 50.0, 0.0, 100.0, 0.0];
        assert_eq!(table["one"], expected);
        assert_eq!(compare(&COSTS, &table, &rows), Vec::<String>::new());
        assert!(render(&COSTS, &rows, true).contains("  1.0 |"));
    }

    #[test]
    fn more_cycles_than_the_tolerance_are_reported() {
        let table = parse(
            &COSTS,
            &render(&COSTS, &[row("one", 100_000_000, 0)], false),
        );
        let compared = |ingress| compare(&COSTS, &table, &[row("one", ingress, 0)]);
        assert_eq!(compared(102_900_000), Vec::<String>::new());
        assert_eq!(compared(50_000_000), Vec::<String>::new());
        let worse = compared(104_000_000);
        let expected = "`one`: gateway is 52.00 M cycles a chunk, 4.0 % above the committed 50.00";
        assert_eq!(worse[0], expected);
        assert!(worse[1].contains("ingress"));
    }

    #[test]
    fn more_written_pages_and_more_space_than_the_tolerance_are_reported() {
        let measured = |dirtied_bytes, allocated| {
            let mut row = row("one", 0, 0);
            row.parts[1].dirtied_bytes = dirtied_bytes;
            row.allocated = allocated;
            [row]
        };
        let table = parse(
            &MEMORY,
            &render(&MEMORY, &measured(8_000_000, -1_000_000.0), false),
        );
        let compared = |dirtied, allocated| compare(&MEMORY, &table, &measured(dirtied, allocated));
        assert_eq!(compared(8_200_000, -1_020_000.0), Vec::<String>::new());
        assert_eq!(
            compared(9_000_000, -500_000.0),
            [
                "`one`: dirty st/B is 9.00 bytes for each byte, 12.5 % above the committed 8.00",
                "`one`: alloc/B is -0.50 bytes for each byte, 50.0 % above the committed -1.00"
            ]
        );
    }

    #[test]
    fn rows_of_only_one_table_are_reported() {
        let table = parse(&COSTS, &render(&COSTS, &[row("old", 0, 0)], false));
        let worse = compare(&COSTS, &table, &[row("new", 0, 0)]);
        assert_eq!(
            worse,
            [
                "`new` is not in the committed table",
                "`old` was not measured"
            ]
        );
    }
}
