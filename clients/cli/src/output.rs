//! Results on standard output: text, or one JSON object a line.
//!
//! Printing never ends a command. An upload goes on if nobody reads its results any more, and a
//! list looks whether somebody does.

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::local::error::LocalError;
use crate::local::exact::put_name;
use crate::local::stdout::check_writable;
use crate::printable::{printable, printable_json};
use serde_json::{Value, json};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::OnceLock;

/// The first error of standard output; nothing is written there afterwards.
static BROKEN: OnceLock<io::Error> = OnceLock::new();

/// The form of results.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
    /// Results go to standard error, because standard output gets the bytes of a memory.
    pub on_stderr: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self {
            json,
            on_stderr: false,
        }
    }

    /// Prints one result: one line, with codes of the terminal escaped.
    pub fn result(&self, text: &str, value: Value) {
        match self.json {
            true => self.line(&printable_json(&value.to_string())),
            false => self.line(&printable(text)),
        }
    }

    /// Prints a result of several lines, as JSON still one object on one line.
    pub fn report(&self, lines: &[String], value: Value) {
        match self.json {
            true => self.result("", value),
            false => lines.iter().for_each(|text| self.line(&printable(text))),
        }
    }

    /// Prints the result of one file of many: as JSON, or as text with `--verbose`.
    pub fn entry(&self, text: &str, value: Value) {
        match self.json {
            true => self.result(text, value),
            false => console::detail(|| text.to_string()),
        }
    }

    /// Prints a failure as JSON. As text it goes to standard error, which is up to the caller.
    pub fn failure(&self, file: Option<&Path>, failure: &Failure) {
        if self.json {
            let kind = failure.kind().name();
            let mut value = json!({ "file": null, "error": kind, "text": failure.to_string() });
            if let Some(file) = file {
                put_name(&mut value, "file", file.as_os_str());
            }
            self.result("", value);
        }
    }

    fn line(&self, line: &str) {
        match self.on_stderr {
            true => console::line(line),
            false => print(format!("{line}\n").as_bytes()),
        }
    }
}

/// Writes on standard output, unless that failed before.
pub fn print(bytes: &[u8]) {
    print_by(|| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    });
}

/// Lets `print` write on standard output, unless that failed before.
pub fn print_by(print: impl FnOnce() -> io::Result<()>) {
    if is_broken() {
        return;
    }
    console::above_bars(|| {
        if let Err(error) = check_writable().and_then(|()| print()) {
            // only the first error counts
            let _ = BROKEN.set(error);
        }
    });
}

/// Whether writing more is in vain.
pub fn is_broken() -> bool {
    BROKEN.get().is_some()
}

/// An error if results are lost. If the reader has gone (`capsule ls | head`), it wants no more.
pub fn outcome() -> Outcome {
    match BROKEN.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            let error = io::Error::new(error.kind(), error.to_string());
            Err(LocalError::Output { error }.into())
        }
        _ => Ok(()),
    }
}
