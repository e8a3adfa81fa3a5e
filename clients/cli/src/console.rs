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
    above(&console().bars, print);
}

/// The next change of a bar draws all of them again below what was printed.
fn above(bars: &MultiProgress, print: impl FnOnce()) {
    // a terminal that is gone shows no bars, and `suspend` would panic there
    let _ = bars.clear();
    print();
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

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::{ProgressBar, TermLike};
    use std::io::{Error, Result};

    /// A terminal whose other side has gone.
    #[derive(Debug)]
    struct Gone;

    fn gone() -> Result<()> {
        Err(Error::other("the terminal is gone"))
    }

    impl TermLike for Gone {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> Result<()> {
            gone()
        }
        fn move_cursor_down(&self, _: usize) -> Result<()> {
            gone()
        }
        fn move_cursor_right(&self, _: usize) -> Result<()> {
            gone()
        }
        fn move_cursor_left(&self, _: usize) -> Result<()> {
            gone()
        }
        fn write_line(&self, _: &str) -> Result<()> {
            gone()
        }
        fn write_str(&self, _: &str) -> Result<()> {
            gone()
        }
        fn clear_line(&self) -> Result<()> {
            gone()
        }
        fn flush(&self) -> Result<()> {
            gone()
        }
    }

    #[test]
    fn a_terminal_that_is_gone_keeps_nothing_from_being_printed() {
        let target = ProgressDrawTarget::term_like(Box::new(Gone));
        let bars = MultiProgress::with_draw_target(target);
        let bar = bars.add(ProgressBar::new(5));
        bar.tick();
        let mut printed = 0;
        above(&bars, || printed += 1);
        bar.inc(1);
        above(&bars, || printed += 1);
        assert_eq!(printed, 2);
    }
}
