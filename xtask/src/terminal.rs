//! Output for people: headings, errors and progress, with colours only on a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const BOLD: &str = "1";
const BOLD_RED: &str = "1;31";

/// Shorter waits need no progress.
const SILENT: Duration = Duration::from_secs(2);

/// Standard output: the name of the next step.
pub fn heading(text: &str) {
    let text = painted(&format!("== {text}"), BOLD, std::io::stdout().is_terminal());
    println!("\n{text}");
}

/// Standard error: the reason why the command ends.
pub fn error(text: &str) {
    let label = painted("error:", BOLD_RED, std::io::stderr().is_terminal());
    eprintln!("{label} {text}");
}

fn painted(text: &str, code: &str, terminal: bool) -> String {
    // https://no-color.org
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if terminal && !unwanted {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_string()
    }
}

/// Shows on a terminal that a silent child process still runs, and for how long.
pub struct Progress {
    started: Instant,
    shown_seconds: u64,
    terminal: bool,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            shown_seconds: 0,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Writes the line again if another second has passed.
    pub fn tick(&mut self, what: &str) {
        let passed = self.started.elapsed();
        if self.terminal && passed > SILENT && passed.as_secs() > self.shown_seconds {
            self.shown_seconds = passed.as_secs();
            eprint!("\r{what}: {} s\u{1b}[K", self.shown_seconds);
            // Progress that can't be shown is no reason to stop.
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown_seconds > 0 {
            eprint!("\r\u{1b}[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_colour_outside_a_terminal() {
        assert_eq!(painted("error:", BOLD_RED, false), "error:");
    }
}
