//! Progress bars on standard error, drawn on a terminal only.

use crate::console;
use crate::printable::{printable, printable_path};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const STYLE: &str = "{msg:24!} {bar:30} {decimal_bytes:>10}/{decimal_total_bytes:10} \
                     {decimal_bytes_per_sec:>12}, {eta} left";

/// The bars of one command: one for each file, and one for their sum if there are several.
#[derive(Clone)]
pub struct Bars {
    all: MultiProgress,
    total: Option<ProgressBar>,
    /// The files, if they are too many for bars of their own.
    many: Option<Arc<Many>>,
}

/// The bar of one file.
#[derive(Clone)]
pub struct FileBar {
    bar: ProgressBar,
    total: Option<ProgressBar>,
    many: Option<Arc<Many>>,
}

/// The files of a folder, which share one line.
#[derive(Default)]
struct Many {
    files: AtomicUsize,
    done: AtomicUsize,
}

fn bar(bytes: u64, message: String) -> ProgressBar {
    let style = ProgressStyle::with_template(STYLE).expect("BUG: the template is valid");
    let bar = ProgressBar::new(bytes).with_style(style);
    bar.with_message(message)
}

impl Bars {
    /// `total` is the bytes of all files, if there are several.
    pub fn new(total: Option<u64>, quiet: bool) -> Self {
        let all = console::bars();
        if quiet {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        let total = total.map(|bytes| all.add(bar(bytes, "all files".into())));
        Self {
            all,
            total,
            many: None,
        }
    }

    /// One line for all files, however many they are.
    pub fn one_line(quiet: bool) -> Self {
        Self {
            many: Some(Arc::default()),
            ..Self::new(Some(0), quiet)
        }
    }

    /// Says what is done before files are sent or read.
    pub fn phase(&self, text: &str) {
        if let Some(total) = &self.total {
            total.set_message(text.to_string());
            total.tick();
        }
    }

    /// Begins the transfer of so many files.
    pub fn expect(&self, files: usize, bytes: u64) {
        if let (Some(total), Some(many)) = (&self.total, &self.many) {
            total.reset();
            total.set_length(bytes);
            many.files.store(files, Ordering::Relaxed);
            many.show(total);
        }
    }

    fn add(&self, bar: ProgressBar) -> ProgressBar {
        match (&self.many, &self.total) {
            (Some(_), _) => ProgressBar::hidden(),
            (None, Some(total)) => self.all.insert_before(total, bar),
            (None, None) => self.all.add(bar),
        }
    }

    /// A bar for a file that is hashed before it is sent.
    pub fn reading(&self, path: &Path) -> ProgressBar {
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        self.add(bar(bytes, format!("reading {}", printable_path(path))))
    }

    /// A bar for a file of `bytes` bytes that is sent or received.
    pub fn transfer(&self, name: &str, bytes: u64) -> FileBar {
        FileBar {
            bar: self.add(bar(bytes, printable(name).into_owned())),
            total: self.total.clone(),
            many: self.many.clone(),
        }
    }

    pub fn finish(&self) {
        if let Some(total) = &self.total {
            total.finish_and_clear();
        }
        // it fails only if standard error is gone, which leaves no place for a message
        let _ = self.all.clear();
    }
}

impl FileBar {
    /// Counts bytes that an earlier command transferred.
    pub fn skip(&self, bytes: u64) {
        self.bar.set_position(bytes);
        self.bar.reset_eta();
        if let Some(total) = &self.total {
            total.inc(bytes);
        }
    }

    /// Counts bytes that were transferred just now.
    pub fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
        if let Some(total) = &self.total {
            total.inc(bytes);
        }
    }

    /// Begins anew: the bytes so far were wrong.
    pub fn again(&self) {
        self.bar.reset();
    }

    /// Says that all bytes are sent and the gateway finishes the upload.
    pub fn finishing(&self) {
        self.bar.set_message("finishing");
    }

    pub fn done(&self) {
        self.bar.finish_and_clear();
        if let (Some(total), Some(many)) = (&self.total, &self.many) {
            many.done.fetch_add(1, Ordering::Relaxed);
            many.show(total);
        }
    }
}

impl Many {
    fn show(&self, total: &ProgressBar) {
        let (done, files) = (&self.done, &self.files);
        let done = done.load(Ordering::Relaxed);
        total.set_message(format!("{done} of {} files", files.load(Ordering::Relaxed)));
    }
}
