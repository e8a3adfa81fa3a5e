//! Chooses the engine that the canisters run on.
//!
//! - `POCKET_IC_SERVER_URL` names a server that already runs.
//! - `POCKET_IC_BIN` names a PocketIC server, which the `pocket-ic` crate starts.
//! - Without both, each process starts its own `localnet`, which ends with the process.

use pocket_ic::{PocketIc, PocketIcBuilder};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::{Mutex, OnceLock};

const SERVER_URL: &str = "POCKET_IC_SERVER_URL";
const SERVER_BIN: &str = "POCKET_IC_BIN";

/// A `localnet` that this process started. It ends when its standard input closes, at the latest
/// with this process.
struct Localnet {
    child: Mutex<Child>,
    url: String,
    /// This pipe stays open, because a program may end when its output is closed.
    _stdout: BufReader<ChildStdout>,
}

static LOCALNET: OnceLock<Result<Localnet, String>> = OnceLock::new();

/// Creates a network with one application subnet.
///
/// # Panics
/// When no engine is available; the text gives the reason.
pub fn network() -> PocketIc {
    match builder() {
        Ok(builder) => builder.build(),
        Err(reason) => panic!("{reason}"),
    }
}

/// Creates a network, for programs.
///
/// # Errors
/// When no engine is available, or the server doesn't speak its protocol.
pub fn try_network() -> Result<PocketIc, String> {
    try_network_in(None)
}

/// Creates a network that keeps its state in a folder, or continues the one in there.
///
/// # Errors
/// As [`try_network`].
pub fn try_network_in(state: Option<&Path>) -> Result<PocketIc, String> {
    let mut builder = builder()?;
    if let Some(folder) = state {
        builder = builder.with_state_dir(folder.to_path_buf());
    }
    // The crate panics when the server does not speak its protocol. The hook hides its message,
    // because the error below gives the reason.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let built = catch_unwind(AssertUnwindSafe(|| builder.build()));
    set_hook(hook);
    built.map_err(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        // The rest of the text is about the inside of the HTTP client.
        let reason = reason.split(": reqwest::").next().unwrap_or_default();
        format!(
            "{} does not answer as a PocketIC server: {reason}",
            engine_name()
        )
    })
}

/// Describes the engine in messages.
pub fn engine_name() -> String {
    match (std::env::var(SERVER_URL), std::env::var(SERVER_BIN)) {
        (Ok(url), _) => format!("the server at {url}"),
        (_, Ok(path)) => format!("the server {path}"),
        _ => "localnet".to_string(),
    }
}

/// Whether this process started a `localnet` that has ended.
pub fn localnet_has_ended() -> bool {
    let Some(Ok(localnet)) = LOCALNET.get() else {
        return false;
    };
    let mut child = localnet.child.lock().unwrap_or_else(|e| e.into_inner());
    !matches!(child.try_wait(), Ok(None))
}

/// The exit code of a program that Ctrl-C ended.
pub const EXIT_INTERRUPTED: i32 = 130;

/// Ends a program: stops its `localnet` and prints the error, if there is one.
pub fn end(outcome: Result<(), String>) -> ExitCode {
    stop_localnet();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Stops the `localnet` that this process started, if any.
pub fn stop_localnet() {
    if let Some(Ok(localnet)) = LOCALNET.get() {
        let mut child = localnet.child.lock().unwrap_or_else(|e| e.into_inner());
        // Both calls fail only when it has already ended.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn builder() -> Result<PocketIcBuilder, String> {
    let builder = PocketIcBuilder::new().with_application_subnet();
    let url = match (std::env::var(SERVER_URL), std::env::var(SERVER_BIN)) {
        (Ok(url), _) => url,
        (_, Ok(_)) => return Ok(builder),
        _ => match LOCALNET.get_or_init(start_localnet) {
            Ok(localnet) => localnet.url.clone(),
            Err(reason) => return Err(reason.clone()),
        },
    };
    let parsed = url
        .parse()
        .map_err(|e| format!("the server's address is `{url}`, expected a URL: {e}"))?;
    Ok(builder.with_server_url(parsed))
}

fn start_localnet() -> Result<Localnet, String> {
    if !cfg!(target_os = "linux") {
        return Err(format!(
            "localnet needs Linux, expected {SERVER_BIN} to name an official PocketIC server 16.x"
        ));
    }
    let program = profile_dir().join("localnet");
    if !program.exists() {
        return Err(format!(
            "{} does not exist, expected `cargo build -p localnet -p tools` before",
            program.display()
        ));
    }
    let mut child = Command::new(&program)
        .arg("--exit-with-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Ctrl-C must reach this process only, which then stops the network.
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cannot start {}: {e}", program.display()))?;
    let stdout = child.stdout.take().expect("BUG: the output is piped");
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    let read = stdout.read_line(&mut line);
    let url = line.trim();
    if !url.starts_with("http://") {
        // Both calls fail only when it has already ended.
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!(
            "{} printed `{url}`, expected its address ({read:?})",
            program.display()
        ));
    }
    Ok(Localnet {
        child: Mutex::new(child),
        url: url.to_string(),
        _stdout: stdout,
    })
}

/// The path of a program that cargo built in this workspace.
pub fn program(name: &str) -> PathBuf {
    profile_dir().join(name)
}

/// The folder of this program and the others of the workspace: `target/debug`.
pub(crate) fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("BUG: a running program has a path");
    let dir = exe.parent().expect("BUG: a program lies in a folder");
    // Test programs are one folder deeper.
    let dir = if dir.ends_with("deps") {
        dir.parent().expect("BUG: deps is in a profile's folder")
    } else {
        dir
    };
    dir.to_path_buf()
}
