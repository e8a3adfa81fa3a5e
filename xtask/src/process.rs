//! Child processes that never outlive this program, not even when it is interrupted.
//!
//! Each child leads its own process group, so its children (compilers, tests, engines) end with it.

use crate::outcome::Result;
use crate::terminal::Progress;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The exit code after an interrupt.
const INTERRUPTED: i32 = 130;

/// A group that was asked to end is killed after this time.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longer lines of a tool's error output are cut in our error.
const REASON_CHARS: usize = 200;

/// The group that runs now. Commands run one after another.
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);

fn running() -> MutexGuard<'static, Option<Pid>> {
    RUNNING.lock().unwrap_or_else(|e| e.into_inner())
}

/// Makes Ctrl-C, a hang-up and a request to terminate end the children, then this program.
pub fn end_children_on_signals() {
    ctrlc::set_handler(|| {
        // The lock is held to the end, so that no other child starts.
        let group = running();
        if let Some(group) = *group {
            // The main thread waits for the child.
            end_group(group, || ());
        }
        eprintln!("interrupted");
        std::process::exit(INTERRUPTED);
    })
    .expect("BUG: the only signal handler of this program");
}

/// Asks a process group to end, and kills it after [`PATIENCE`].
///
/// An ended child counts as running until its parent reads its status, which `reap` does.
fn end_group(group: Pid, mut reap: impl FnMut()) {
    // Both calls fail only when the group is empty.
    let _ = killpg(group, Signal::SIGTERM);
    let asked = Instant::now();
    while killpg(group, None).is_ok() {
        if asked.elapsed() > PATIENCE {
            let _ = killpg(group, Signal::SIGKILL);
            return;
        }
        reap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The group that a child leads.
fn group_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("BUG: a process id is positive"))
}

/// A command for an error text: without its folder and its `-oOption=value` arguments.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .filter(|word| !word.starts_with("-o"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn start(command: &mut Command) -> Result<Child> {
    let mut group = running();
    let child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cannot start `{}`: {e}", shown(command)))?;
    *group = Some(group_of(&child));
    Ok(child)
}

/// Runs a command with its output on the user's terminal.
pub fn run(command: &mut Command) -> Result<()> {
    let mut child = start(command)?;
    let status = child.wait();
    *running() = None;
    succeeded(command, status.map_err(|e| e.to_string())?, "")
}

/// Runs a command for at most `limit` and returns its standard output, without showing it.
///
/// If the command fails, the error has the first lines of standard error that name a reason.
pub fn run_quietly(command: &mut Command, limit: Duration) -> Result<String> {
    let mut child = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let out = collect(child.stdout.take());
    let err = collect(child.stderr.take());
    let started = Instant::now();
    let what = shown(command);
    let mut progress = Progress::new();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            break Some(status);
        }
        if started.elapsed() > limit {
            end_group(group_of(&child), || {
                // The wait below reports an error.
                let _ = child.try_wait();
            });
            child.wait().map_err(|e| e.to_string())?;
            break None;
        }
        progress.tick(&what);
        std::thread::sleep(Duration::from_millis(20));
    };
    drop(progress);
    *running() = None;
    let out = out.join().expect("BUG: a reader does not panic");
    let err = err.join().expect("BUG: a reader does not panic");
    match status {
        None => Err(format!(
            "`{what}` was stopped, expected it to end within {} s",
            limit.as_secs()
        )),
        Some(status) => succeeded(command, status, &err).map(|()| out),
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // After an error, the bytes read so far are still of use.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn succeeded(command: &Command, status: ExitStatus, stderr: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let mut text = format!("`{}` failed ({status})", shown(command));
    // Cargo and rustup begin a reason with `error`, apt with `E:`.
    let reasons = stderr
        .lines()
        .filter(|line| line.starts_with("error") || line.starts_with("E:"));
    for reason in reasons.take(2) {
        text.push_str("; ");
        text.extend(reason.chars().take(REASON_CHARS));
    }
    Err(text)
}

/// Replaces this program by another one, which then gets the signals and sets the exit code.
pub fn become_program(mut command: Command) -> Result<()> {
    let error = command.exec();
    Err(format!("cannot start `{}`: {error}", shown(&command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // This is one test because only one group runs at a time.
    #[test]
    fn children_are_waited_for_and_ended() {
        let sh = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        assert_eq!(run(&mut sh("exit 0")), Ok(()));
        assert!(
            run(&mut sh("exit 3"))
                .unwrap_err()
                .contains("exit status: 3")
        );

        let limit = Duration::from_secs(20);
        assert_eq!(run_quietly(&mut sh("echo out"), limit).unwrap(), "out\n");
        let failure = run_quietly(&mut sh("echo noise >&2; echo E: no >&2; exit 1"), limit);
        let failure = failure.unwrap_err();
        assert!(
            failure.contains("E: no") && !failure.ends_with("noise"),
            "{failure}"
        );

        // A grandchild that holds the output open ends with its group.
        let started = Instant::now();
        let stopped = run_quietly(
            &mut sh("sleep 3600 & sleep 3600"),
            Duration::from_millis(200),
        );
        assert!(stopped.unwrap_err().contains("was stopped"));
        // A kill that misses the grandchild waits an hour. No busy machine takes half of it.
        assert!(started.elapsed() < Duration::from_secs(1_800));

        assert!(
            run(&mut Command::new("/no/such/program"))
                .unwrap_err()
                .contains("cannot start")
        );
    }
}
