//! The program behind `cargo xtask demo`: uploads a file, reads it back and compares it.

use capsule_shared::gateway::GatewayArgs;
use clap::Parser;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tools::client::Uploaded;
use tools::deployment::{Created, Deployment, Part, person};
use tools::engine;
use tools::source::UploadSpec;
use tools::statistics::peak_memory;

#[derive(Parser)]
#[command(about = "Uploads a file through the gateway, reads it back and compares")]
struct Arguments {
    /// The file to upload; without it, this program itself
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    ctrlc::set_handler(|| {
        // The main thread waits for the engine and would panic about its end. It must not print
        // over the message below.
        std::panic::set_hook(Box::new(|_| {
            loop {
                std::thread::park();
            }
        }));
        engine::stop_localnet();
        eprintln!("\ninterrupted");
        std::process::exit(engine::EXIT_INTERRUPTED);
    })
    .expect("BUG: the only signal handler of this program");
    engine::end(run(Arguments::parse().file))
}

fn run(file: Option<PathBuf>) -> Result<(), String> {
    let path = match file {
        Some(path) => path,
        None => std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?,
    };
    let source = File::open(&path).map_err(|e| format!("cannot open {}: {e}", path.display()))?;
    let bytes = source
        .metadata()
        .map_err(|e| format!("cannot read the size of {}: {e}", path.display()))?
        .len();
    let name = file_name(&path);

    eprintln!("Installing the canisters on {}", engine::engine_name());
    let deployment = Created::on(engine::try_network()?).install(GatewayArgs::default());
    let client = deployment.client(person("demo"));
    let capsule = client
        .capsules_create(None)
        .map_err(|e| format!("cannot create a capsule: {e}"))?;

    let spec = UploadSpec::document(&name, bytes);
    let before = balances(&deployment);
    let bar = progress("Uploading", bytes);
    let started = Instant::now();
    let uploaded = client
        .upload(&capsule.id, &spec, source, |sent| bar.set_position(sent))
        .map_err(|e| format!("the upload failed: {e}"))?;
    let up = started.elapsed();
    let spent = spent(&before, &balances(&deployment));
    bar.finish_and_clear();

    let bar = progress("Reading back", bytes);
    let started = Instant::now();
    let mut hasher = Sha256::new();
    client
        .download(&uploaded.result.blob_id, |chunk| {
            hasher.update(chunk);
            bar.inc(chunk.len() as u64);
        })
        .map_err(|e| format!("reading back failed: {e}"))?;
    let down = started.elapsed();
    bar.finish_and_clear();
    let read_back: [u8; 32] = hasher.finalize().into();
    if read_back != uploaded.sha256 {
        return Err(format!(
            "the SHA-256 of the bytes read back is {}, expected {}",
            hex(&read_back),
            hex(&uploaded.sha256)
        ));
    }

    println!(
        "file      {name}, {}",
        grouped(u128::from(bytes)) + " bytes"
    );
    print_upload(&uploaded);
    println!(
        "speed     {:.1} MB/s up, {:.1} MB/s down",
        rate(bytes, up),
        rate(bytes, down)
    );
    if let Some(peak) = peak_memory(&deployment.pic) {
        println!(
            "memory    {} at most in the network's process",
            HumanBytes(peak)
        );
    }
    println!("\n{:<16}{:<30}{:>20}", "canister", "id", "cycles spent");
    for (part, cycles) in Part::ALL.into_iter().zip(spent) {
        let id = deployment.id(part).to_text();
        println!("{:<16}{id:<30}{:>20}", part.name(), grouped(cycles));
    }
    Ok(())
}

fn print_upload(uploaded: &Uploaded) {
    println!("sha256    {} verified", hex(&uploaded.sha256));
    println!("session   {}", uploaded.session_id);
    println!("chunks    {}", uploaded.chunks);
    println!("blob      {}", uploaded.result.blob_id);
    println!("memory    {}", uploaded.result.memory_id);
}

/// The last part of a path, which names the upload.
fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn balances(deployment: &Deployment) -> [u128; 3] {
    Part::ALL.map(|part| deployment.cycles(part))
}

fn spent(before: &[u128; 3], after: &[u128; 3]) -> [u128; 3] {
    [0, 1, 2].map(|i| before[i].saturating_sub(after[i]))
}

/// A progress bar on a terminal, and nothing elsewhere.
fn progress(what: &'static str, bytes: u64) -> ProgressBar {
    let style = "{msg:<13}{bar:30.cyan} {decimal_bytes}/{decimal_total_bytes} \
                 {decimal_bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(style).expect("BUG: the template is valid");
    ProgressBar::new(bytes).with_style(style).with_message(what)
}

/// Megabytes a second.
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64().max(1e-9)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Writes 1234567 as `1,234,567`.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
