//! The program behind `cargo xtask up`: runs the network in real time until Ctrl-C.

use candid::Principal;
use capsule_shared::gateway::GatewayArgs;
use clap::Parser;
use indicatif::{HumanBytes, ProgressBar};
use pocket_ic::PocketIc;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tools::deployment::{Created, Part};
use tools::engine;
use tools::http;
use tools::mapping::create_empty;

#[derive(Parser)]
#[command(about = "Runs the local network with the canisters until Ctrl-C")]
struct Arguments {
    /// The port of 127.0.0.1; 0 chooses a free one
    #[arg(long, default_value_t = 4943)]
    port: u16,
    /// The file that tells clients about the network
    #[arg(long)]
    tell: PathBuf,
    /// Keep the state in this folder, and continue the state in there
    #[arg(long)]
    state: Option<PathBuf>,
    /// Run without the canisters, for deploy tools
    #[arg(long)]
    bare: bool,
    /// Create three empty canisters for this principal, for icp-cli in the folder --project
    #[arg(
        long,
        requires = "bare",
        requires = "project",
        value_name = "PRINCIPAL"
    )]
    controller: Option<Principal>,
    #[arg(long)]
    project: Option<PathBuf>,
}

/// Set once the main thread waits for Ctrl-C.
static STARTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let (interrupted, wait) = mpsc::channel();
    ctrlc::set_handler(move || {
        if !STARTED.load(Ordering::Relaxed) {
            // The network ends with this process. So far it only reads its state, and a first
            // start that breaks off begins again.
            exit(engine::EXIT_INTERRUPTED);
        }
        // A second Ctrl-C finds nobody who waits.
        let _ = interrupted.send(());
    })
    .expect("BUG: the only signal handler of this program");
    let arguments = Arguments::parse();
    engine::end(run(&arguments, &wait))
}

fn run(arguments: &Arguments, wait: &mpsc::Receiver<()>) -> Result<(), String> {
    // The client crate panics when a port is taken: check the port before anything starts.
    std::net::TcpListener::bind(("127.0.0.1", arguments.port)).map_err(|e| {
        format!(
            "cannot listen at port {} of 127.0.0.1: {e}; choose another with --port",
            arguments.port
        )
    })?;
    if arguments.bare {
        let mut pic = network(arguments.state.as_deref())?;
        let url = pic.make_live(Some(arguments.port)).to_string();
        println!("network         {url}");
        println!("root key        {}", hex(&root_key(&url)?));
        if let (Some(controller), Some(project)) = (arguments.controller, &arguments.project) {
            let ids = create_empty(&pic, controller, project)?;
            for (part, id) in Part::ALL.into_iter().zip(ids) {
                println!("{:<16}{id} (empty)", part.name());
            }
        }
        println!("\n{}", ending(arguments.state.as_deref()));
        // An error means that the handler is gone, which ends the wait, too.
        let _ = wait.recv();
        eprintln!("\nending");
        return Ok(());
    }
    let (mut pic, ids) = canisters(arguments.state.as_deref())?;
    let url = pic.make_live(Some(arguments.port)).to_string();
    tell(&arguments.tell, &url, &ids)?;
    println!("network         {url}");
    for part in Part::ALL {
        println!("{:<16}{}", part.name(), ids.id(part));
    }
    println!("settings        {}", arguments.tell.display());
    println!(
        "metrics         {url}metrics?canisterId={}",
        ids.upload_gateway
    );
    println!("\n{}", ending(arguments.state.as_deref()));
    until_interrupted(wait);
    eprintln!("\nending");
    // Clients must not find a network that has ended.
    let _ = std::fs::remove_file(&arguments.tell);
    Ok(())
}

fn until_interrupted(wait: &mpsc::Receiver<()>) {
    STARTED.store(true, Ordering::Relaxed);
    // An error means that the handler is gone, which ends the wait, too.
    let _ = wait.recv();
}

/// Starts the network. It replays the journal in its state, which may take a while.
fn network(state: Option<&Path>) -> Result<PocketIc, String> {
    let bar = ProgressBar::new_spinner();
    let kept = state.map_or(0, bytes_in);
    if let (Some(folder), 1..) = (state, kept) {
        let size = HumanBytes(kept);
        eprintln!("continuing {}: {size} to replay", folder.display());
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    let network = engine::try_network_in(state);
    bar.finish_and_clear();
    network
}

/// Bytes of the files in a folder; 0 when there is no folder.
fn bytes_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

#[derive(Deserialize)]
struct Status {
    root_key: ByteBuf,
}

/// The network's root key in DER, from its status.
fn root_key(url: &str) -> Result<Vec<u8>, String> {
    let status = http::client()
        .get(format!("{url}api/v2/status"))
        .send()
        .and_then(|response| response.error_for_status()?.bytes())
        .map_err(|e| format!("the network does not answer: {e}"))?;
    let status: Status = serde_cbor::from_slice(&status)
        .map_err(|e| format!("the network's status is not readable: {e}"))?;
    Ok(status.root_key.into_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ending(state: Option<&Path>) -> String {
    match state {
        None => "Ctrl-C ends the network and deletes its state.".into(),
        Some(folder) => format!(
            "Ctrl-C ends the network; its state stays in {}.",
            folder.display()
        ),
    }
}

/// The ids of the three canisters.
#[derive(Serialize, Deserialize)]
struct Ids {
    upload_gateway: Principal,
    blob_store: Principal,
    memory_index: Principal,
}

impl Ids {
    fn id(&self, part: Part) -> Principal {
        match part {
            Part::Gateway => self.upload_gateway,
            Part::BlobStore => self.blob_store,
            Part::MemoryIndex => self.memory_index,
        }
    }
}

/// Starts the network with the canisters of its state, or with new ones.
fn canisters(state: Option<&Path>) -> Result<(PocketIc, Ids), String> {
    let pic = network(state)?;
    // This file is written last: the canisters that it names are complete.
    let known = state.map(|folder| folder.join("canisters.json"));
    if let Some(path) = known.as_ref().filter(|path| path.exists()) {
        let about = |e: String| format!("{}: {e}", path.display());
        let text = std::fs::read(path).map_err(|e| about(e.to_string()))?;
        let ids = serde_json::from_slice(&text).map_err(|e| about(e.to_string()))?;
        return Ok((pic, ids));
    }
    let deployment = Created::on(pic).install(GatewayArgs::default());
    let ids = Ids {
        upload_gateway: deployment.gateway,
        blob_store: deployment.blob_store,
        memory_index: deployment.memory_index,
    };
    if let Some(path) = known {
        write(&path, &json!(ids))?;
    }
    Ok((deployment.pic, ids))
}

/// Writes the file that tells clients about the network.
fn tell(path: &Path, url: &str, ids: &Ids) -> Result<(), String> {
    let mut told = json!(ids);
    told["url"] = url.into();
    told["root_key"] = hex(&root_key(url)?).into();
    write(path, &told)
}

/// Writes a file whole or not at all.
fn write(path: &Path, value: &serde_json::Value) -> Result<(), String> {
    let about = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(about)?;
    }
    let part = path.with_extension("part");
    std::fs::write(&part, format!("{value:#}\n")).map_err(about)?;
    std::fs::rename(&part, path).map_err(about)
}
