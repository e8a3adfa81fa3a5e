//! The table of hostile calls in Markdown: prints it, reads it, and compares it with new rows.

use super::row::{COLUMNS, HostileRow, Outcome};
use crate::bench::cells::{cells, exceeds};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most millions of cycles that a refused call may cost beyond its ingress. A refusal of the index
/// takes one call to it, about 10 M of them.
const MOST_REFUSED: f64 = 20.0;

/// Outcome and cells by the names of the rows.
pub type HostileTable = BTreeMap<String, (String, Vec<f64>)>;

/// Prints the table with one row a line.
pub fn render_hostile(rows: &[HostileRow]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut out = format!("| {:width$} | answer   |", "one call of a stranger");
    let mut rule = format!("| {} | -------- |", "-".repeat(width));
    for title in COLUMNS {
        write!(out, " {title:>9} |").expect("BUG: a string is full");
        let dashes = title.len().max(9) - 1;
        write!(rule, " {}: |", "-".repeat(dashes)).expect("BUG: a string is full");
    }
    write!(out, "\n{rule}").expect("BUG: a string is full");
    for row in rows {
        let outcome = row.outcome.name();
        write!(out, "\n| {:width$} | {outcome:8} |", row.name).expect("BUG: a string is full");
        let [ingress, beyond, written] = row.cells();
        let last = COLUMNS[2].len();
        write!(
            out,
            " {ingress:>9.2} | {beyond:>9.2} | {written:>last$.0} |"
        )
        .expect("BUG: a string is full");
    }
    out.push('\n');
    out
}

/// Reads the rows of a Markdown text: the lines with a number in each column.
pub fn parse_hostile(text: &str) -> HostileTable {
    let mut table = HostileTable::new();
    for line in text.lines() {
        if let Some((names, cells)) = cells(line, 2, COLUMNS.len())
            && let [name, outcome] = &names[..]
        {
            table.insert(name.clone(), (outcome.clone(), cells));
        }
    }
    table
}

/// Compares new rows with a committed table.
///
/// Returns a sentence for each figure that exceeds the table, for each call with another outcome,
/// and for each row that is missing on one side.
pub fn compare_hostile(committed: &HostileTable, rows: &[HostileRow]) -> Vec<String> {
    let mut worse = vec![];
    for row in rows {
        let Some((outcome, before)) = committed.get(&row.name) else {
            worse.push(format!("`{}` is not in the committed table", row.name));
            continue;
        };
        if outcome != row.outcome.name() {
            let now = row.outcome.name();
            worse.push(format!("`{}` is {now}, expected {outcome}", row.name));
        }
        for ((title, before), now) in COLUMNS.iter().zip(before).zip(row.cells()) {
            if exceeds(now, *before) {
                let name = &row.name;
                worse.push(format!(
                    "`{name}`: {title} is {now:.2}, expected {before:.2}"
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

/// Returns a sentence for each refused call that costs more than [`MOST_REFUSED`].
pub fn check_refused(rows: &[HostileRow]) -> Vec<String> {
    let refused = rows.iter().filter(|row| row.outcome != Outcome::Taken);
    refused
        .filter(|row| row.beyond_ingress() > MOST_REFUSED)
        .map(|row| {
            format!(
                "`{}`: a refused call costs {:.2} M cycles beyond its ingress, \
                 expected at most {MOST_REFUSED} M",
                row.name,
                row.beyond_ingress()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Statistics;

    fn row(outcome: Outcome, instructions: u64, written: u64) -> HostileRow {
        HostileRow {
            name: "uploads_begin, foreign capsule".into(),
            outcome,
            costs: Statistics {
                ingress_cycles: 3_000_000,
                instructions,
                stable_written_bytes: written,
                ..Statistics::default()
            },
        }
    }

    #[test]
    fn a_rendered_table_is_read_back() {
        let rows = [row(Outcome::Refused, 7_000_000, 12)];
        let table = parse_hostile(&format!("| prose | bar |\n{}", render_hostile(&rows)));
        let cells = vec![3.0, 7.0, 12.0];
        assert_eq!(table[&rows[0].name], ("refused".to_string(), cells));
        assert_eq!(compare_hostile(&table, &rows), Vec::<String>::new());
    }

    #[test]
    fn a_figure_that_grows_and_another_answer_are_reported() {
        let table = parse_hostile(&render_hostile(&[row(Outcome::Refused, 7_000_000, 12)]));
        let worse = compare_hostile(&table, &[row(Outcome::Taken, 7_500_000, 13)]);
        assert_eq!(worse.len(), 3, "{worse:?}");
        assert!(
            worse[0].ends_with("is taken, expected refused"),
            "{}",
            worse[0]
        );
        assert!(
            worse[1].contains("beyond it is 7.50, expected 7.00"),
            "{}",
            worse[1]
        );
        assert!(
            worse[2].contains("stable bytes written is 13"),
            "{}",
            worse[2]
        );
    }

    #[test]
    fn rows_of_only_one_table_are_reported() {
        let rows = [row(Outcome::Refused, 0, 0)];
        let missing = compare_hostile(&HostileTable::new(), &rows);
        assert!(missing[0].ends_with("is not in the committed table"));
        let unmeasured = compare_hostile(&parse_hostile(&render_hostile(&rows)), &[]);
        assert!(unmeasured[0].ends_with("was not measured"));
    }

    #[test]
    fn a_refused_call_has_a_bound_and_a_taken_one_has_none() {
        let dear = check_refused(&[row(Outcome::Refused, 20_100_000, 0)]);
        assert!(dear[0].contains("costs 20.10 M cycles"), "{}", dear[0]);
        assert!(check_refused(&[row(Outcome::Refused, 19_900_000, 0)]).is_empty());
        assert!(check_refused(&[row(Outcome::Taken, 90_000_000, 0)]).is_empty());
    }
}
