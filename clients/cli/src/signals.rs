//! Signals that ask the program to end. Every command ends alike after each of them.
//!
//! The command's future is dropped first, so that its files clean up after themselves. A command
//! that blocks has no time for that, and ends all the same.

use std::future::pending;
use std::io;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// How long the program may clean up after a signal.
const GRACE: Duration = Duration::from_secs(1);

/// A signal that asks the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    Terminate,
    /// The terminal has gone.
    HangUp,
}

impl Signal {
    pub const ALL: [Signal; 3] = [Signal::Interrupt, Signal::Terminate, Signal::HangUp];

    /// The number of the signal.
    ///
    /// Source: POSIX, for the `kill` utility.
    pub const fn number(self) -> u8 {
        match self {
            Signal::HangUp => 1,
            Signal::Interrupt => 2,
            Signal::Terminate => 15,
        }
    }

    /// The exit code of a command that the signal ended.
    ///
    /// Source: the custom of shells, 128 and the number of the signal.
    pub const fn exit_code(self) -> u8 {
        128 + self.number()
    }
}

/// The first signal that asks the program to end.
pub struct Signals(Option<oneshot::Receiver<Signal>>);

impl Signals {
    /// Listens from now on, in a thread of its own.
    ///
    /// After a signal that thread gives the program a moment, and then ends it. So a program ends
    /// that waits for a terminal or for the reader of a pipe, too.
    pub fn listen() -> Self {
        let (tell, told) = oneshot::channel();
        let listener = thread::Builder::new().name("signals".into());
        // Without a listener each signal keeps its default action, which ends the program, too.
        let started = listener.spawn(|| end_after_signal(tell));
        Self(started.is_ok().then_some(told))
    }

    pub async fn received(self) -> Signal {
        match self.0 {
            Some(told) => match told.await {
                Ok(signal) => signal,
                Err(_) => pending().await,
            },
            None => pending().await,
        }
    }
}

fn end_after_signal(tell: oneshot::Sender<Signal>) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let signal = runtime.block_on(first());
    // Nobody may listen any more, as the command has ended.
    let _ = tell.send(signal);
    thread::sleep(GRACE);
    // it prints nothing, because that may be what blocks
    std::process::exit(signal.exit_code().into())
}

/// Lets a write beyond the file size limit of this process fail like any other, so that the
/// command says why it ends and removes its files. By default a signal ends the process.
pub fn fail_at_file_size_limit() {
    #[cfg(unix)]
    // SAFETY: to ignore a signal installs no handler. It can't fail for this signal.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Waits for the first signal that asks the program to end.
///
/// A signal that the program was told to ignore stays ignored: `nohup` does that to the hang-up,
/// and shells do it to Ctrl-C in the background.
async fn first() -> Signal {
    let [interrupt, terminate, hang_up] = Signal::ALL;
    tokio::select! {
        () = one(interrupt) => interrupt,
        () = one(terminate) => terminate,
        () = one(hang_up) => hang_up,
    }
}

#[cfg(unix)]
async fn one(signal: Signal) {
    use tokio::signal::unix::{SignalKind, signal as listen};
    let number = i32::from(signal.number());
    if is_ignored(number) {
        return pending().await;
    }
    // Without a listener the signal keeps its default action, which ends the program, too.
    match listen(SignalKind::from_raw(number)) {
        Ok(mut signals) => match signals.recv().await {
            Some(()) => (),
            None => pending().await,
        },
        Err(_) => pending().await,
    }
}

/// Whether the program was started with this signal ignored.
#[cfg(unix)]
fn is_ignored(number: i32) -> bool {
    action(number) == Some(libc::SIG_IGN)
}

/// The action of a signal, if the system tells it.
#[cfg(unix)]
fn action(number: i32) -> Option<libc::sighandler_t> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the present one into `action`, which has
    // the right type and is zeroed before.
    let action = unsafe {
        if libc::sigaction(number, std::ptr::null(), action.as_mut_ptr()) != 0 {
            return None;
        }
        action.assume_init()
    };
    Some(action.sa_sigaction)
}

/// Windows has no such signals: closing the console and the end of the session stand for them.
#[cfg(windows)]
async fn one(signal: Signal) {
    use tokio::signal::windows as console;
    let received = match signal {
        Signal::Interrupt => match console::ctrl_c() {
            Ok(mut signals) => signals.recv().await,
            Err(_) => None,
        },
        Signal::Terminate => match (console::ctrl_break(), console::ctrl_shutdown()) {
            (Ok(mut breaks), Ok(mut shutdowns)) => tokio::select! {
                received = breaks.recv() => received,
                received = shutdowns.recv() => received,
            },
            _ => None,
        },
        Signal::HangUp => match console::ctrl_close() {
            Ok(mut signals) => signals.recv().await,
            Err(_) => None,
        },
    };
    if received.is_none() {
        pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts and service managers depend on these numbers.
    #[test]
    fn the_exit_codes_are_those_of_shells() {
        assert_eq!(Signal::ALL.map(Signal::exit_code), [130, 143, 129]);
    }
    #[cfg(unix)]
    #[test]
    fn the_file_size_limit_ends_no_process() {
        fail_at_file_size_limit();
        assert!(is_ignored(libc::SIGXFSZ));
    }

    /// Tells a process of this test to block.
    #[cfg(unix)]
    const BLOCKS: &str = "CAPSULE_TEST_BLOCKS";

    /// Blocks the main task of a runtime, as a full pipe does it.
    #[cfg(unix)]
    #[tokio::test]
    async fn the_blocked_program() {
        if std::env::var_os(BLOCKS).is_none() {
            return;
        }
        let _signals = Signals::listen();
        let listened = || {
            let mut signals = Signal::ALL.iter().map(|signal| i32::from(signal.number()));
            signals.all(|number| action(number) != Some(libc::SIG_DFL))
        };
        while !listened() {
            thread::yield_now();
        }
        println!("\nblocked");
        loop {
            thread::park();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_blocked_program_ends_after_a_signal() {
        use std::io::{BufRead, BufReader};
        use std::process::{Command, Stdio};
        let mut blocked = Command::new(std::env::current_exe().unwrap())
            .args([
                "signals::tests::the_blocked_program",
                "--exact",
                "--nocapture",
            ])
            .env(BLOCKS, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(blocked.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "blocked"));
        let id = libc::pid_t::try_from(blocked.id()).unwrap();
        // SAFETY: the call only sends a signal, to a child that isn't waited for yet.
        assert_eq!(unsafe { libc::kill(id, libc::SIGTERM) }, 0);
        assert_eq!(blocked.wait().unwrap().code(), Some(143));
    }
}
