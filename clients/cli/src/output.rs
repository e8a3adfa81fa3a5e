//! What a command shows: results on standard output, as text or as one JSON object a line; bars on a terminal only.

use crate::error::Failure;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// One result.
    pub fn result(&self, text: &str, value: Value) {
        match self.json {
            true => line(&value),
            false => line(&text),
        }
    }

    /// A failure as JSON; as text it is the caller's to tell.
    pub fn failure(&self, file: Option<&Path>, failure: &Failure) {
        if self.json {
            line(&json!({ "file": file, "error": failure.kind.name(), "text": failure.text }));
        }
    }
}

/// A line on standard output. Where nobody reads any more (`capsule ls | head`), the command ends quietly.
fn line(text: &dyn std::fmt::Display) {
    if let Err(e) = writeln!(std::io::stdout(), "{text}") {
        if e.kind() != std::io::ErrorKind::BrokenPipe {
            eprintln!("error: cannot write to standard output: {e}");
        }
        std::process::exit(1);
    }
}

/// The bars of one command: one for each file, and one in all where there are several.
#[derive(Clone)]
pub struct Bars {
    all: MultiProgress,
    total: Option<ProgressBar>,
}

/// The bar of one file.
#[derive(Clone)]
pub struct FileBar {
    bar: ProgressBar,
    total: Option<ProgressBar>,
}

const STYLE: &str = "{msg:24!} {bar:30} {decimal_bytes:>10}/{decimal_total_bytes:10} {decimal_bytes_per_sec:>12}, {eta} left";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("BUG: the template is valid")
}

impl Bars {
    /// `total` bytes in all, where there is more than one file.
    pub fn new(total: Option<u64>, quiet: bool) -> Self {
        let all = MultiProgress::new();
        if quiet {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        let total = total.map(|bytes| {
            let bar = ProgressBar::new(bytes).with_style(style(STYLE));
            all.add(bar.with_message("all"))
        });
        Self { all, total }
    }

    fn add(&self, bar: ProgressBar) -> ProgressBar {
        match &self.total {
            Some(total) => self.all.insert_before(total, bar),
            None => self.all.add(bar),
        }
    }

    /// While a file is hashed before it is sent.
    pub fn reading(&self, path: &Path) -> ProgressBar {
        let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
        let bar = ProgressBar::new(bytes).with_style(style(STYLE));
        self.add(bar.with_message(format!("reading {}", path.display())))
    }

    pub fn sending(&self, name: &str, bytes: u64) -> FileBar {
        let bar = ProgressBar::new(bytes).with_style(style(STYLE));
        FileBar {
            bar: self.add(bar.with_message(name.to_string())),
            total: self.total.clone(),
        }
    }

    /// A line above the bars.
    pub fn println(&self, line: &str) {
        if self.all.is_hidden() {
            eprintln!("{line}");
        } else {
            // it fails only where standard error is gone
            let _ = self.all.println(line);
        }
    }

    pub fn finish(&self) {
        if let Some(total) = &self.total {
            total.finish_and_clear();
        }
        // the same
        let _ = self.all.clear();
    }
}

impl FileBar {
    /// Bytes that are there from an earlier time.
    pub fn skip(&self, bytes: u64) {
        self.bar.set_position(bytes);
        self.bar.reset_eta();
        if let Some(total) = &self.total {
            total.inc(bytes);
        }
    }

    pub fn sent(&self, bytes: u64) {
        self.bar.inc(bytes);
        if let Some(total) = &self.total {
            total.inc(bytes);
        }
    }

    pub fn waiting(&self) {
        self.bar.set_message("finishing");
    }

    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}
