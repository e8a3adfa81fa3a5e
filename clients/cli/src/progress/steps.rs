//! Progress of a command that takes steps: a bar with their number.

use super::{bars, remove};
use crate::printable::printable;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const STYLE: &str = "{msg:40!} {wide_bar} {pos:>7}/{len:7}";

/// Steps of which some are done.
pub struct Steps {
    all: MultiProgress,
    bar: ProgressBar,
}

impl Steps {
    pub fn new(quiet: bool, steps: u64) -> Self {
        let all = bars(quiet);
        let style = ProgressStyle::with_template(STYLE).expect("BUG: the template is valid");
        let bar = all.add(ProgressBar::new(steps).with_style(style));
        Self { all, bar }
    }

    /// Says what is done now.
    pub fn at(&self, what: &str) {
        self.bar.set_message(printable(what).into_owned());
        self.bar.tick();
    }

    pub fn add(&self, steps: u64) {
        self.bar.inc(steps);
    }

    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        remove(&self.all, &self.bar);
    }
}
