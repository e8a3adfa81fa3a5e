//! The program behind `cargo xtask up`: runs the network in real time until Ctrl-C.

use candid::Principal;
use capsule_shared::gateway::GatewayArgs;
use clap::Parser;
use indicatif::{HumanBytes, ProgressBar};
use pocket_ic::PocketIc;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tools::deployment::{Created, Deployment, Part, controller};
use tools::engine;
use tools::mapping::{continue_empty, create_empty};
use tools::told::{Ids, Told, hex, root_key, write};

#[derive(Parser)]
#[command(about = "Runs the local network with the canisters until Ctrl-C")]
struct Arguments {
    /// The port of localhost; 0 chooses a free one
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
    /// Have the gateway use this many stores
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "bare",
        value_parser = clap::value_parser!(u8).range(1..=50)
    )]
    stores: Option<u8>,
    /// A further controller of all canisters
    #[arg(long, value_name = "PRINCIPAL", conflicts_with = "bare")]
    operator: Option<Principal>,
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

/// How often the program looks whether its network still runs.
const LOOK: Duration = Duration::from_secs(1);

/// Set once the main thread takes care of the end.
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
    check_port(arguments.port)?;
    match arguments.bare {
        true => run_bare(arguments, wait),
        false => run_canisters(arguments, wait),
    }
}

/// Checks that nobody listens at the port. The client crate panics if somebody does, so this comes
/// before anything starts.
fn check_port(port: u16) -> Result<(), String> {
    for address in [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ] {
        match TcpListener::bind((address, port)) {
            // A machine may have no IPv6.
            Err(e) if address.is_ipv4() || e.kind() == ErrorKind::AddrInUse => {
                return Err(format!(
                    "cannot listen at port {port} of {address}: {e}; choose another with --port"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn run_bare(arguments: &Arguments, wait: &mpsc::Receiver<()>) -> Result<(), String> {
    let state = arguments.state.as_deref();
    let mut pic = network(state)?;
    let url = pic.make_live(Some(arguments.port)).to_string();
    STARTED.store(true, Ordering::Relaxed);
    println!("network         {url}");
    println!("root key        {}", hex(&root_key(&url)?));
    if let (Some(controller), Some(project)) = (arguments.controller, &arguments.project) {
        let ids = match state {
            None => create_empty(&pic, controller, project)?,
            Some(folder) => continue_empty(&pic, controller, project, folder)?,
        };
        for (part, id) in Part::ALL.into_iter().zip(ids) {
            println!("{:<16}{id}", part.name());
        }
    }
    println!("\n{}", ending(state));
    until_the_end(wait)
}

fn run_canisters(arguments: &Arguments, wait: &mpsc::Receiver<()>) -> Result<(), String> {
    let state = arguments.state.as_deref();
    let mut deployment = canisters(state)?;
    let stores = prepare(&deployment, arguments)?;
    let ids = ids(&deployment);
    let url = deployment.pic.make_live(Some(arguments.port)).to_string();
    // From here on Ctrl-C must not leave the file behind.
    STARTED.store(true, Ordering::Relaxed);
    let _told = Told::of(&arguments.tell, &url, &ids)?;
    println!("network         {url}");
    for part in Part::ALL {
        let more = match part {
            Part::BlobStore if stores > 1 => format!(" and {} more", stores - 1),
            _ => String::new(),
        };
        println!("{:<16}{}{more}", part.name(), ids.id(part));
    }
    if let Some(operator) = arguments.operator {
        println!("operator        {operator}, for `capsule admin status`");
    }
    println!("settings        {}", arguments.tell.display());
    println!(
        "metrics         {url}metrics?canisterId={}",
        ids.upload_gateway
    );
    println!("\n{}", ending(state));
    until_the_end(wait)
}

/// Waits for Ctrl-C, or for the unexpected end of the network.
fn until_the_end(wait: &mpsc::Receiver<()>) -> Result<(), String> {
    loop {
        match wait.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if engine::localnet_has_ended() => {
                return Err("the network has ended by itself, expected it to run on".into());
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The handler lives as long as this program.
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                eprintln!("\nending");
                return Ok(());
            }
        }
    }
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

fn ending(state: Option<&Path>) -> String {
    match state {
        None => "Ctrl-C ends the network and deletes its state.".into(),
        Some(folder) => format!(
            "Ctrl-C ends the network; its state stays in {}.",
            folder.display()
        ),
    }
}

/// Adds the stores and the operator that the arguments ask for. Returns how many stores there are.
fn prepare(deployment: &Deployment, arguments: &Arguments) -> Result<usize, String> {
    if let Some(count) = arguments.stores {
        let grown = deployment.grow_to(count.into());
        grown.map_err(|e| format!("the gateway takes no {count} stores: {e}"))?;
    }
    if let Some(operator) = arguments.operator {
        deployment.admit_operator(operator)?;
    }
    Ok(deployment.stores().len())
}

fn ids(deployment: &Deployment) -> Ids {
    Ids {
        upload_gateway: deployment.gateway,
        blob_store: deployment.blob_store,
        memory_index: deployment.memory_index,
    }
}

/// Starts the network with the canisters of its state, or with new ones.
fn canisters(state: Option<&Path>) -> Result<Deployment, String> {
    let pic = network(state)?;
    // This file is written last: the canisters that it names are complete.
    let known = state.map(|folder| folder.join("canisters.json"));
    if let Some(path) = known.as_ref().filter(|path| path.exists()) {
        let about = |e: String| format!("{}: {e}", path.display());
        let text = std::fs::read(path).map_err(|e| about(e.to_string()))?;
        let ids: Ids = serde_json::from_slice(&text).map_err(|e| about(e.to_string()))?;
        return Ok(Deployment {
            pic,
            controller: controller(),
            gateway: ids.upload_gateway,
            blob_store: ids.blob_store,
            memory_index: ids.memory_index,
        });
    }
    let deployment = Created::on(pic).install(GatewayArgs::default());
    if let Some(path) = known {
        write(&path, &ids(&deployment))?;
    }
    Ok(deployment)
}
