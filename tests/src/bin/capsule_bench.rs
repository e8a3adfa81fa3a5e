//! The program behind `cargo xtask bench`: measures what uploads cost, prints it, and compares it with a table.

use clap::Parser;
use indicatif::ProgressBar;
use integration_tests::bench::{Row, compare, measure, parse, render};
use integration_tests::deployment::Created;
use integration_tests::engine;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Millions of cycles that a chunk of 1.8 MB may cost beside ingress and relay when 1 GB is stored, alone and side by
/// side. Out of order it may cost more: it is hashed once more.
const MOST_COMPUTING: f64 = 250.0;
const BOUNDED: [&str; 2] = ["1 upload, 1 GB stored", "4 interleaved, 1 GB stored"];

/// The table in the file stands between these lines.
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

#[derive(Parser)]
#[command(about = "Measures what uploads cost")]
struct Arguments {
    /// The committed table, in Markdown
    table: PathBuf,
    /// Write what was measured into the table instead of comparing
    #[arg(long)]
    update: bool,
}

fn main() -> ExitCode {
    engine::end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let path = &arguments.table;
    let document = std::fs::read_to_string(path).map_err(|e| about(path, e))?;
    let (head, rest) = document.split_once(BEGIN).ok_or_else(|| no_place(path))?;
    let (committed, tail) = rest.split_once(END).ok_or_else(|| no_place(path))?;

    eprintln!("Installing the canisters on {}", engine::engine_name());
    let deployment = Created::on(engine::try_network()?).install(Default::default());
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let rows = measure(&deployment, |row| bar.set_message(row.name.clone()));
    bar.finish_and_clear();
    let rows = rows?;
    print!("{}", render(&rows, true));
    println!(
        "\nMillions of cycles for each chunk: by canister, and the same sum by kind. Instructions and bytes of stable\n\
         memory for each byte of data; the largest message in millions of instructions."
    );

    if arguments.update {
        let document = format!("{head}{BEGIN}{}{END}{tail}", render(&rows, false));
        std::fs::write(path, document).map_err(|e| about(path, e))?;
        println!("{} is updated", shown(path));
        return check_computing(&rows);
    }
    let worse = compare(&parse(committed), &rows);
    if !worse.is_empty() {
        return Err(format!(
            "more than the table in {} allows:\n  {}\nIf this is wanted: cargo xtask bench --update",
            shown(path),
            worse.join("\n  ")
        ));
    }
    println!("cycles are within the table in {}", shown(path));
    check_computing(&rows)
}

fn check_computing(rows: &[Row]) -> Result<(), String> {
    for name in BOUNDED {
        let row = rows.iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| format!("`{name}` was not measured"))?;
        let computing = row.computing();
        if computing > MOST_COMPUTING {
            return Err(format!(
                "`{name}`: computing is {computing:.1} M cycles a chunk, expected at most {MOST_COMPUTING} M"
            ));
        }
    }
    Ok(())
}

/// A path as the user would write it.
fn shown(path: &Path) -> std::path::Display<'_> {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display()
}

fn about(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn no_place(path: &Path) -> String {
    format!(
        "{} has no place for the table, expected the lines `{}` and `{END}`",
        path.display(),
        BEGIN.trim_end()
    )
}
