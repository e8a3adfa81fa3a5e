//! Signals that ask the program to end. Every command ends alike after each of them.
//!
//! The command's future is dropped first, so that its files clean up after themselves.

use std::future::pending;

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
pub async fn received() -> Signal {
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
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the present one into `action`, which has
    // the right type and is zeroed before.
    let action = unsafe {
        if libc::sigaction(number, std::ptr::null(), action.as_mut_ptr()) != 0 {
            return false;
        }
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
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
}
