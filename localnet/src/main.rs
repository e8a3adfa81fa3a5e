//! The localnet server: binds a port, prints the address, and answers until something ends it.

use clap::Parser;
use localnet::server::loopback::Loopback;
use localnet::server::messages::tell;
use std::io::{ErrorKind, Read, Write};
use std::process::{ExitCode, exit};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code that shells expect of a program after Ctrl-C.
const EXIT_INTERRUPTED: i32 = 130;

/// A small deterministic Internet Computer for one machine, controlled by PocketIC's REST protocol
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Listen at this port of 127.0.0.1 and ::1; 0 takes any free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// End when standard input closes, together with the process that started the server
    #[arg(long)]
    exit_with_stdin: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // these threads run canisters
        .thread_stack_size(localnet::wasm::THREAD_STACK_BYTES)
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(options)),
        Err(e) => Err(format!("Cannot start threads: {e}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            tell(&message);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), String> {
    // before it prints the address, so that no signal is lost
    end_on_signals().map_err(|e| format!("Cannot receive signals: {e}"))?;
    if options.exit_with_stdin {
        std::thread::spawn(end_with_stdin);
    }
    let port = options.port;
    let listener = Loopback::open(port).await.map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => format!(
            "Port {port} of localhost is in use by another process, expected a free one \
             (--port 0 takes any): {e}"
        ),
        _ => e.to_string(),
    })?;
    let port = listener
        .port()
        .map_err(|e| format!("The listener has no address: {e}"))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "http://127.0.0.1:{port}/")
        .and_then(|()| stdout.flush())
        .map_err(|e| format!("Cannot print the address: {e}"))?;
    localnet::server::serve(listener)
        .await
        .map_err(|e| format!("The server failed: {e}"))
}

/// Raises the limit of open files as far as the system allows. Each connection and each canister
/// needs file descriptors.
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(e) = setrlimit(Resource::Nofile, limit) {
        tell(&format!("Cannot raise the limit of open files: {e}"));
    }
}

/// Ends the process at once on a signal. There is nothing to save, and an operation may take
/// minutes.
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

/// Ends the process when standard input closes.
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
