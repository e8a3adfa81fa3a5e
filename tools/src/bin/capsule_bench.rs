//! The program behind `cargo xtask bench`: measures the costs of uploads and compares them.

use clap::Parser;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tools::bench::{bounds, compare, measure, parse, render};
use tools::deployment::{Created, without_trash};
use tools::engine;

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
    let deployment = Created::on(engine::try_network()?).install(without_trash());
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
        return bounds::check(&rows);
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
    bounds::check(&rows)
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
