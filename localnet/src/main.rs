//! The localnet server: binds, says where, and answers until it is told to end.

use clap::Parser;
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::process::{ExitCode, exit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// What a shell reports for a program that Ctrl-C ended.
const EXIT_INTERRUPTED: i32 = 130;

/// A small deterministic Internet Computer for one machine, driven through PocketIC's REST protocol
#[derive(Parser)]
#[command(version)]
struct Options {
    /// The port of 127.0.0.1 to listen at; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// End when standard input closes, so that the server never outlives the process that started it
    #[arg(long)]
    exit_with_stdin: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // canisters run on these threads
        .thread_stack_size(localnet::system::runtime::THREAD_STACK_BYTES)
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(options)),
        Err(e) => Err(format!("No threads can be started: {e}.")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), String> {
    // before the address is announced, so that no signal is missed
    end_on_signals().map_err(|e| format!("Signals cannot be received: {e}."))?;
    if options.exit_with_stdin {
        std::thread::spawn(end_with_stdin);
    }
    let port = options.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|e| match e.kind() {
            ErrorKind::AddrInUse => format!(
                "Port {port} of 127.0.0.1 is taken by another process: choose another with --port, or 0 for any free one."
            ),
            _ => format!("Cannot listen at port {port} of 127.0.0.1: {e}."),
        })?;
    let address = listener
        .local_addr()
        .map_err(|e| format!("The listener has no address: {e}."))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "http://{address}/")
        .and_then(|()| stdout.flush())
        .map_err(|e| format!("Cannot print the address: {e}."))?;
    localnet::server::serve(listener)
        .await
        .map_err(|e| format!("The server failed: {e}."))
}

/// Each connection and each canister needs file descriptors; what the system allows at most is not too many.
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(e) = setrlimit(Resource::Nofile, limit) {
        eprintln!("The limit of open files stays as it is: {e}.");
    }
}

/// Ends the process at once: there is nothing to save, and an operation may run for minutes.
fn end_on_signals() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => exit(EXIT_INTERRUPTED),
            _ = terminate.recv() => exit(0),
        }
    });
    Ok(())
}

fn end_with_stdin() {
    let mut buffer = [0; 1024];
    loop {
        match std::io::stdin().read(&mut buffer) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => exit(0),
            Ok(_) => {}
        }
    }
}
