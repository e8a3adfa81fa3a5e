//! The program behind `cargo xtask soak`: plays random histories on the real wasm.

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tools::arguments::try_bad_arguments;
use tools::deployment::deploy;
use tools::history::{Tally, soak};

/// Histories between two lines about the progress, without a terminal.
const LOGGED_EVERY: u64 = 100;

#[derive(Parser)]
#[command(about = "Plays random histories on the real canisters")]
struct Arguments {
    /// The number of histories
    #[arg(long, default_value_t = 1_000)]
    histories: u64,
    /// The seed of the first history; the next ones count up (default: the time)
    #[arg(long)]
    seed: Option<u64>,
    /// Play each history a second time while strangers flood the gateway
    #[arg(long)]
    flood: bool,
    /// Try this many bad arguments instead
    #[arg(long, value_name = "N", conflicts_with = "histories")]
    bad_arguments: Option<u64>,
    /// Histories at once (default: one for each core)
    #[arg(long)]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs() * 1_000_000)
    });
    if let Some(count) = arguments.bad_arguments {
        return bad_arguments(seed, count);
    }
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let jobs = arguments.jobs.unwrap_or(cores).max(1);
    println!(
        "{} histories from seed {seed} on, {jobs} at once",
        arguments.histories
    );
    // The report contains the panic messages of the harness.
    std::panic::set_hook(Box::new(|_| {}));
    let bar = ProgressBar::new(arguments.histories).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} histories, {per_sec}, {eta} left")
            .expect("BUG: the template is valid"),
    );
    let started = Instant::now();
    // Without a terminal there is no bar.
    let is_logged = !std::io::stderr().is_terminal();
    let report = soak(seed, arguments.histories, jobs, arguments.flood, |count| {
        bar.inc(1);
        if is_logged && count % LOGGED_EVERY == 0 {
            println!("{count} histories so far");
        }
    });
    bar.finish_and_clear();
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!(
        "{} histories in {minutes:.1} min, {:.0} a minute",
        report.histories,
        report.histories as f64 / minutes
    );
    println!(
        "{} began with release 0.1.0; in {} of them people got answers while the store copied",
        report.without.old, report.without.while_copying
    );
    match report.failure {
        None => {
            println!("no acknowledged data was lost or mixed, and nothing was left over");
            match arguments.flood {
                true => flooded(&report.without, &report.flooded),
                false => ExitCode::SUCCESS,
            }
        }
        Some(failure) => {
            println!("{failure}");
            println!(
                "to repeat it: cargo xtask soak --histories 1 --seed {}",
                failure.seed
            );
            ExitCode::FAILURE
        }
    }
}

/// Prints how people fared without strangers and with them. Fails if one is more than twice as bad.
fn flooded(without: &Tally, flooded: &Tally) -> ExitCode {
    println!("nobody was locked out. Begins, chunks and finishes of known people:");
    for (name, tally) in [("without strangers", without), ("flooded", flooded)] {
        println!(
            "  {name:17}  {} of {} Ok ({:.1} %), {:.2} rounds each",
            tally.ok,
            tally.answered,
            100.0 * tally.success(),
            tally.latency()
        );
    }
    let success = flooded.success() / without.success();
    let latency = flooded.latency() / without.latency();
    println!("  success ratio {success:.2}, expected at least 0.50");
    println!("  latency ratio {latency:.2}, expected at most 2.00");
    match success >= 0.5 && latency <= 2.0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn bad_arguments(seed: u64, count: u64) -> ExitCode {
    println!("{count} bad arguments from seed {seed}");
    let bar = ProgressBar::new(count).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} arguments, {per_sec}, {eta} left")
            .expect("BUG: the template is valid"),
    );
    let answer = try_bad_arguments(&deploy(), seed, count, |tried| bar.set_position(tried));
    bar.finish_and_clear();
    match answer {
        Ok(tally) => {
            println!(
                "{} tried: {} accepted, {} refused with a typed error, \
                 {} rejected before execution; no trap",
                tally.tried, tally.accepted, tally.typed_errors, tally.turned_away
            );
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("{reason}");
            ExitCode::FAILURE
        }
    }
}
