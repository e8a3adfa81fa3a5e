//! The program behind `cargo xtask bench`: measures the costs of uploads and compares them.

use capsule_shared::gateway::GatewayArgs;
use clap::Parser;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tools::bench::hostile::{
    check_refused, compare_hostile, measure_hostile, parse_hostile, render_hostile,
};
use tools::bench::{bounds, compare, measure, parse, render};
use tools::deployment::{Created, Deployment, without_trash};
use tools::engine;

/// The table in the file is between these lines.
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

#[derive(Parser)]
#[command(about = "Measures the costs of uploads, or of a stranger's calls")]
struct Arguments {
    /// The committed table, in Markdown
    table: PathBuf,
    /// Write the measured rows into the table instead of comparing
    #[arg(long)]
    update: bool,
    /// Measure the calls of a stranger instead of uploads
    #[arg(long)]
    hostile: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    engine::end(match arguments.hostile {
        false => uploads(&arguments),
        true => strangers(&arguments),
    })
}

fn uploads(arguments: &Arguments) -> Result<(), String> {
    let document = Document::read(&arguments.table)?;
    let rows = watched(without_trash(), measure)?;
    print!("{}", render(&rows, true));
    println!(
        "\nCycles are in millions for each chunk: by canister, and the same sum by kind.\n\
         Instructions and bytes of stable memory are for each byte of data.\n\
         The largest message is in millions of instructions."
    );
    if arguments.update {
        document.write(&render(&rows, false))?;
    } else {
        document.check(compare(&parse(&document.table), &rows), "bench")?;
    }
    bounds::check(&rows)
}

fn strangers(arguments: &Arguments) -> Result<(), String> {
    let document = Document::read(&arguments.table)?;
    let rows = watched(GatewayArgs::default(), measure_hostile)?;
    print!("{}", render_hostile(&rows));
    println!("\nCycles are in millions for each call, with the jobs that it makes.");
    if arguments.update {
        document.write(&render_hostile(&rows))?;
    } else {
        let worse = compare_hostile(&parse_hostile(&document.table), &rows);
        document.check(worse, "bench --hostile")?;
    }
    match check_refused(&rows) {
        dear if dear.is_empty() => Ok(()),
        dear => Err(dear.join("\n  ")),
    }
}

/// Measures on a fresh network, and shows the row at work.
fn watched<R>(
    settings: GatewayArgs,
    measure: impl FnOnce(&Deployment, &mut dyn FnMut(&str)) -> Result<Vec<R>, String>,
) -> Result<Vec<R>, String> {
    eprintln!("Installing the canisters on {}", engine::engine_name());
    let deployment = Created::on(engine::try_network()?).install(settings);
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let rows = measure(&deployment, &mut |name| bar.set_message(name.to_string()));
    bar.finish_and_clear();
    rows
}

/// A document with a committed table.
struct Document<'a> {
    path: &'a Path,
    head: String,
    table: String,
    tail: String,
}

impl<'a> Document<'a> {
    fn read(path: &'a Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| about(path, e))?;
        let (head, rest) = text.split_once(BEGIN).ok_or_else(|| no_place(path))?;
        let (table, tail) = rest.split_once(END).ok_or_else(|| no_place(path))?;
        Ok(Document {
            path,
            head: head.to_string(),
            table: table.to_string(),
            tail: tail.to_string(),
        })
    }

    /// Writes the document with another table.
    fn write(&self, table: &str) -> Result<(), String> {
        let Document {
            path, head, tail, ..
        } = self;
        let text = format!("{head}{BEGIN}{table}{END}{tail}");
        std::fs::write(path, text).map_err(|e| about(path, e))?;
        println!("wrote the table in {}", shown(path));
        Ok(())
    }

    /// Fails if the comparison with the table found something.
    fn check(&self, worse: Vec<String>, command: &str) -> Result<(), String> {
        let path = shown(self.path);
        if !worse.is_empty() {
            return Err(format!(
                "the costs exceed the table in {path}:\n  {}\n\
                 To accept them: cargo xtask {command} --update",
                worse.join("\n  ")
            ));
        }
        println!("all cycles are within the table in {path}");
        Ok(())
    }
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
