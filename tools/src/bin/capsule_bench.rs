//! The program behind `cargo xtask bench`: measures the costs of uploads and compares them.

use clap::Parser;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tools::bench::{Row, compare, measure, parse, render};
use tools::deployment::Created;
use tools::engine;

/// The bound for computing: millions of cycles for a chunk of 1.8 MB, with 1 GB stored.
///
/// It holds for uploads alone and interleaved. Uploads out of order cost more, because the store
/// hashes them again.
const MOST_COMPUTING: f64 = 250.0;
const BOUNDED: [&str; 2] = ["1 upload, 1 GB stored", "4 interleaved, 1 GB stored"];

/// The table in the file is between these lines.
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

#[derive(Parser)]
#[command(about = "Measures the costs of uploads")]
struct Arguments {
    /// The committed table, in Markdown
    table: PathBuf,
    /// Write the measured rows into the table instead of comparing
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
        "\nCycles are in millions for each chunk: by canister, and the same sum by kind.\n\
         Instructions and bytes of stable memory are for each byte of data.\n\
         The largest message is in millions of instructions."
    );

    if arguments.update {
        let document = format!("{head}{BEGIN}{}{END}{tail}", render(&rows, false));
        std::fs::write(path, document).map_err(|e| about(path, e))?;
        println!("wrote the table in {}", shown(path));
        return check_computing(&rows);
    }
    let worse = compare(&parse(committed), &rows);
    if !worse.is_empty() {
        return Err(format!(
            "the costs exceed the table in {}:\n  {}\nTo accept them: cargo xtask bench --update",
            shown(path),
            worse.join("\n  ")
        ));
    }
    println!("all cycles are within the table in {}", shown(path));
    check_computing(&rows)
}

fn check_computing(rows: &[Row]) -> Result<(), String> {
    for name in BOUNDED {
        let row = rows.iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| format!("`{name}` was not measured"))?;
        let computing = row.computing();
        if computing > MOST_COMPUTING {
            return Err(format!(
                "`{name}`: computing is {computing:.1} M cycles a chunk, \
                 expected at most {MOST_COMPUTING} M"
            ));
        }
    }
    Ok(())
}

/// A path relative to the current folder, as users write it.
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
