//! The program behind `cargo xtask bench`: measures the costs of uploads and compares them.

use capsule_shared::gateway::GatewayArgs;
use clap::Parser;
use indicatif::{HumanBytes, ProgressBar};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tools::bench::document::Document;
use tools::bench::form::{COSTS, Form, MEMORY, READS};
use tools::bench::hostile::{
    check_refused, compare_hostile, measure_hostile, parse_hostile, render_hostile,
};
use tools::bench::speed::{measure_speed, render_speed};
use tools::bench::{Row, bounds, compare, measure, measure_filled, parse, render};
use tools::deployment::{Created, Deployment, without_trash};
use tools::{engine, statistics};

#[derive(Parser)]
#[command(about = "Measures the costs of uploads or of a stranger's calls, or the speed")]
struct Arguments {
    /// The document with the committed tables, in Markdown
    #[arg(required_unless_present = "speed")]
    document: Option<PathBuf>,
    /// Write the measured rows into the tables instead of comparing
    #[arg(long)]
    update: bool,
    /// Measure the calls of a stranger instead of uploads
    #[arg(long)]
    hostile: bool,
    /// Compare the speed with release 0.1.0 instead
    #[arg(long, conflicts_with_all = ["document", "update", "hostile"])]
    speed: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    engine::end(match &arguments.document {
        None => speed(),
        Some(document) if arguments.hostile => strangers(document, arguments.update),
        Some(document) => uploads(document, arguments.update),
    })
}

fn uploads(document: &Path, update: bool) -> Result<(), String> {
    let document = Document::read(document, 3)?;
    let mut measured = installed(without_trash(), measure)?;
    let mut peak = None;
    measured.extend(installed(without_trash(), |deployment, row| {
        let filled = measure_filled(deployment, row);
        peak = statistics::peak_memory(&deployment.pic);
        filled
    })?);
    let (stored, read) = (&measured.stored[..], &measured.read[..]);
    // The speed depends on the machine, so it is printed, but not committed.
    let tables: [(&Form, &[Row], bool); 3] = [
        (&COSTS, stored, true),
        (&MEMORY, stored, false),
        (&READS, read, true),
    ];
    for (form, rows, speed) in tables {
        println!("{}", render(form, rows, speed));
    }
    println!(
        "Cycles are in millions for each chunk: by canister, and the same sum by kind.\n\
         The largest message is in millions of instructions, and so is a query.\n\
         /B: for each byte of data. st: the store. gw: the gateway."
    );
    if let Some(bytes) = peak {
        println!(
            "The network's process had at most {} of memory beside the stored bytes.",
            HumanBytes(bytes)
        );
    }
    if update {
        document.write(&tables.map(|(form, rows, _)| render(form, rows, false)))?;
    } else {
        let worse = tables.iter().zip(&document.tables);
        let worse = worse
            .flat_map(|((form, rows, _), committed)| compare(form, &parse(form, committed), rows));
        document.check(worse.collect(), "bench")?;
    }
    bounds::check(stored)
}

fn strangers(document: &Path, update: bool) -> Result<(), String> {
    let document = Document::read(document, 1)?;
    let rows = installed(GatewayArgs::default(), measure_hostile)?;
    print!("{}", render_hostile(&rows));
    println!("\nCycles are in millions for each call, with the jobs that it makes.");
    if update {
        document.write(&[render_hostile(&rows)])?;
    } else {
        let worse = compare_hostile(&parse_hostile(&document.tables[0]), &rows);
        document.check(worse, "bench --hostile")?;
    }
    match check_refused(&rows) {
        dear if dear.is_empty() => Ok(()),
        dear => Err(dear.join("\n  ")),
    }
}

fn speed() -> Result<(), String> {
    eprintln!("Comparing with release 0.1.0 on {}", engine::engine_name());
    let compared = watched(measure_speed)?;
    print!("{}", render_speed(&compared));
    Ok(())
}

/// Measures on a fresh network.
fn installed<R>(
    settings: GatewayArgs,
    measure: impl FnOnce(&Deployment, &mut dyn FnMut(&str)) -> Result<R, String>,
) -> Result<R, String> {
    eprintln!("Installing the canisters on {}", engine::engine_name());
    let deployment = Created::on(engine::try_network()?).install(settings);
    watched(|row| measure(&deployment, row))
}

/// Shows the row at work.
fn watched<R>(
    measure: impl FnOnce(&mut dyn FnMut(&str)) -> Result<R, String>,
) -> Result<R, String> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let rows = measure(&mut |name| bar.set_message(name.to_string()));
    bar.finish_and_clear();
    rows
}
