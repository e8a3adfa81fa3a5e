//! Standard error: errors, warnings and details, above the bars of progress if there are any.
//!
//! An unwritable standard error never changes the outcome of a command.

use crate::printable::printable;
use indicatif::{MultiProgress, ProgressDrawTarget};
use std::io::Write;
use std::sync::OnceLock;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// No progress.
    Quiet,
    Normal,
    /// Calls that are repeated, and why.
    Verbose,
}

struct Console {
    verbosity: Verbosity,
    bars: MultiProgress,
}

/// The process has one standard error.
static CONSOLE: OnceLock<Console> = OnceLock::new();

/// Decides what is told. Only the first call counts.
pub fn set_up(verbosity: Verbosity) {
    CONSOLE.get_or_init(|| Console::new(verbosity));
}

/// All bars of this process. They are drawn on a terminal only.
pub fn bars() -> MultiProgress {
    console().bars.clone()
}

/// Tells why a command, or its part for one file, failed.
pub fn error(text: &str) {
    line(&format!("error: {text}"));
}

/// Tells about something that may be wrong. The command goes on.
pub fn warning(text: &str) {
    line(&format!("warning: {text}"));
}

/// Tells a detail with `--verbose`.
pub fn detail(text: impl FnOnce() -> String) {
    if console().verbosity == Verbosity::Verbose {
        line(&text());
    }
}

/// Prints a line; codes of the terminal in it are escaped.
pub fn line(text: &str) {
    above_bars(|| {
        // nobody reads a message that can't be written, so nothing else is lost
        let _ = writeln!(std::io::stderr(), "{}", printable(text));
    });
}

/// Lets `print` write on the terminal while no bar is drawn there.
pub fn above_bars(print: impl FnOnce()) {
    let bars = &console().bars;
    match bars.is_hidden() {
        true => print(),
        false => bars.suspend(print),
    }
}

fn console() -> &'static Console {
    CONSOLE.get_or_init(|| Console::new(Verbosity::Normal))
}

impl Console {
    fn new(verbosity: Verbosity) -> Self {
        let bars = MultiProgress::new();
        // such a terminal can't move its cursor
        let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        if verbosity == Verbosity::Quiet || dumb {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { verbosity, bars }
    }
}
