//! Progress on standard error: one line for all files of a command, drawn on a terminal only.
//!
//! The line has no colours, so that `NO_COLOR` asks for nothing more.

mod speed;
pub mod steps;

use crate::console;
use crate::printable::{printable, printable_path};
use indicatif::{DecimalBytes, HumanDuration, MultiProgress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use speed::Speed;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the pace is drawn although nothing changes.
const REDRAWN_EVERY: Duration = Duration::from_secs(1);

const STYLE: &str = "{msg:24!} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:9} {prefix}";

/// The progress of one command.
#[derive(Clone)]
pub struct Progress {
    all: MultiProgress,
    line: ProgressBar,
    state: Arc<Mutex<State>>,
}

/// The progress of one file that is sent or received.
pub struct FileProgress {
    command: Progress,
    bytes: u64,
    /// Bytes of this file that count in the sum.
    counted: AtomicU64,
}

/// The progress of one file that is hashed before it is sent.
#[derive(Clone)]
pub struct Reading(Progress);

/// The state of all files.
#[derive(Default)]
struct State {
    /// The files, if they are several.
    files: Option<usize>,
    done: usize,
    /// The one file, and what is done with it.
    name: String,
    finishing: bool,
    /// Bytes of all files, if they are known before.
    bytes: u64,
    moved: u64,
    /// Files that are read now, and the bytes that were read.
    reading: usize,
    read: u64,
    speed: Speed,
}

/// The bars of this process, which are hidden if `quiet`.
fn bars(quiet: bool) -> MultiProgress {
    let all = console::bars();
    if quiet {
        all.set_draw_target(ProgressDrawTarget::hidden());
    }
    all
}

/// Removes a bar.
fn remove(all: &MultiProgress, bar: &ProgressBar) {
    bar.finish_and_clear();
    // it fails only if standard error is gone, which leaves no place for a message
    let _ = all.clear();
}

impl Progress {
    /// The progress of one file, or of several after [`Progress::expect`].
    pub fn new(quiet: bool) -> Self {
        let all = bars(quiet);
        let drawn = !all.is_hidden();
        let progress = Self::on(all);
        if drawn {
            progress.keep_drawing();
        }
        progress
    }

    fn on(all: MultiProgress) -> Self {
        Self {
            line: all.add(ProgressBar::new(0)),
            all,
            state: Arc::default(),
        }
    }

    /// Draws the pace anew while nothing changes, so that a standstill shows. Ends with the
    /// command's other uses of the line.
    fn keep_drawing(&self) {
        let (state, line) = (Arc::downgrade(&self.state), self.line.clone());
        std::thread::spawn(move || {
            while let Some(state) = state.upgrade() {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                line.set_prefix(state.pace(Instant::now()));
                drop(state);
                std::thread::sleep(REDRAWN_EVERY);
            }
        });
    }

    /// Says what is done before files are sent or read.
    pub fn phase(&self, text: &str) {
        let style = ProgressStyle::with_template("{msg}").expect("BUG: the template is valid");
        self.line.set_style(style);
        self.line.set_message(text.to_string());
        self.line.tick();
    }

    /// Begins the transfer of so many files.
    pub fn expect(&self, files: usize, bytes: u64) {
        let mut state = self.state();
        // one file has its own name, which is not known yet
        if files > 1 {
            state.files = Some(files);
            state.bytes = bytes;
            self.begin(&state);
        }
    }

    /// Begins to hash a file.
    pub fn reading(&self, path: &Path) -> Reading {
        let mut state = self.state();
        state.reading += 1;
        if state.files.is_none() {
            state.name = printable_path(path);
            state.bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        }
        self.begin(&state);
        Reading(self.clone())
    }

    /// Begins to send or receive a file of `bytes` bytes.
    pub fn transfer(&self, name: &str, bytes: u64) -> FileProgress {
        let mut state = self.state();
        if state.files.is_none() {
            state.name = printable(name).into_owned();
            state.bytes = bytes;
        }
        state.speed.start(Instant::now());
        self.begin(&state);
        FileProgress {
            command: self.clone(),
            bytes,
            counted: AtomicU64::new(0),
        }
    }

    /// Removes the line.
    pub fn finish(&self) {
        remove(&self.all, &self.line);
    }

    /// Only a panic of another thread poisons the lock, and each change of the state is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows bytes from now on.
    fn begin(&self, state: &State) {
        let style = ProgressStyle::with_template(STYLE).expect("BUG: the template is valid");
        self.line.set_style(style);
        self.show(state);
    }

    fn show(&self, state: &State) {
        self.line.set_message(state.message());
        self.line.set_prefix(state.pace(Instant::now()));
        self.line.set_length(state.bytes);
        self.line.set_position(state.position());
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        self.show(&state);
    }
}

impl Reading {
    /// Counts bytes that were hashed just now.
    pub fn add(&self, bytes: u64) {
        self.0.change(|state| state.read += bytes);
    }

    pub fn done(&self) {
        self.0.change(|state| {
            state.reading -= 1;
            if state.files.is_none() {
                state.read = 0;
            }
        });
    }
}

impl FileProgress {
    /// Counts bytes that an earlier command transferred. They say nothing about the speed.
    pub fn skip(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.command.change(|state| state.moved += bytes);
    }

    /// Counts bytes that were transferred just now.
    pub fn add(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.command.change(|state| {
            state.moved += bytes;
            state.speed.add(bytes, Instant::now());
        });
    }

    /// Begins anew: the bytes so far were wrong.
    pub fn again(&self) {
        let counted = self.counted.swap(0, Ordering::Relaxed);
        self.command.change(|state| state.moved -= counted);
    }

    /// Says that all bytes are sent and the gateway finishes the upload.
    pub fn finishing(&self) {
        self.command.change(|state| state.finishing = true);
    }

    /// The file is done, also if another client has sent a part of it.
    pub fn done(&self) {
        let counted = self.counted.swap(self.bytes, Ordering::Relaxed);
        let rest = self.bytes.saturating_sub(counted);
        self.command.change(|state| {
            state.done += 1;
            state.moved += rest;
        });
    }
}

impl State {
    /// Whether all that happens so far is to hash files.
    fn only_reads(&self) -> bool {
        self.reading > 0 && self.moved == 0
    }

    fn message(&self) -> String {
        let doing = match (self.only_reads(), self.files, self.finishing) {
            (true, _, _) => "reading ",
            (false, None, true) => "finishing ",
            _ => "",
        };
        match self.files {
            Some(files) => format!("{doing}{} of {files} files", self.done),
            None => format!("{doing}{}", self.name),
        }
    }

    fn position(&self) -> u64 {
        match self.only_reads() {
            true => self.read,
            false => self.moved,
        }
    }

    /// The speed and the time left.
    fn pace(&self, now: Instant) -> String {
        let Some(speed) = self.speed.per_second(now).filter(|_| !self.only_reads()) else {
            return String::new();
        };
        let rest = self.bytes.saturating_sub(self.moved);
        let left = match self.speed.left(rest, now) {
            _ if rest == 0 => String::new(),
            Some(left) => format!(", {:#} left", HumanDuration(left)),
            None => ", stalled".to_string(),
        };
        format!("{}/s{left}", DecimalBytes(speed))
    }
}

#[cfg(test)]
mod tests;
