//! Results on standard output: text, or one JSON object a line.

use crate::exit::Kind;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The form of results.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// Prints one result.
    pub fn result(&self, text: &str, value: Value) {
        match self.json {
            true => line(&value),
            false => line(&text),
        }
    }

    /// Prints a failure as JSON. As text it goes to standard error, which is up to the caller.
    pub fn failure(&self, file: Option<&Path>, failure: &Failure) {
        if self.json {
            let kind = failure.kind().name();
            line(&json!({ "file": file, "error": kind, "text": failure.to_string() }));
        }
    }
}

/// Prints a line on standard output. If the reader has gone (`capsule ls | head`), the program ends
/// without a message.
fn line(text: &dyn Display) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        if error.kind() != ErrorKind::BrokenPipe {
            eprintln!("error: cannot write to standard output: {error}");
        }
        std::process::exit(Kind::Local.code().into());
    }
}
