//! How fast bytes move: an average of the last seconds, and the time that the rest takes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time whose average counts. Chunks come in bursts, one a second or so.
const WINDOW: Duration = Duration::from_secs(15);

/// Less time than this says nothing yet.
const LEAST: Duration = Duration::from_millis(500);

/// The bytes that moved lately.
#[derive(Debug, Default)]
pub struct Speed {
    started: Option<Instant>,
    moved: VecDeque<(Instant, u64)>,
}

impl Speed {
    /// One that counts since then, and nothing has moved.
    #[cfg(test)]
    pub fn since(started: Instant) -> Self {
        Speed {
            started: Some(started),
            ..Speed::default()
        }
    }

    /// Begins to count, unless it counts already.
    pub fn start(&mut self, now: Instant) {
        self.started.get_or_insert(now);
    }

    /// Counts bytes that moved just now.
    pub fn add(&mut self, bytes: u64, now: Instant) {
        self.start(now);
        self.moved.push_back((now, bytes));
        while let Some((time, _)) = self.moved.front()
            && now - *time > WINDOW
        {
            self.moved.pop_front();
        }
    }

    /// Bytes a second; `None` as long as nothing can be said.
    pub fn per_second(&self, now: Instant) -> Option<u64> {
        let span = (now - self.started?).min(WINDOW);
        if span < LEAST {
            return None;
        }
        let lately = self.moved.iter().filter(|(time, _)| now - *time <= WINDOW);
        let bytes: u64 = lately.map(|(_, bytes)| bytes).sum();
        Some((bytes as f64 / span.as_secs_f64()) as u64)
    }

    /// How long so many bytes take.
    pub fn left(&self, bytes: u64, now: Instant) -> Option<Duration> {
        match self.per_second(now)? {
            0 => None,
            speed => Some(Duration::from_secs(bytes.div_ceil(speed))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut speed = Speed::default();
        assert_eq!(speed.per_second(at(0)), None);
        speed.start(at(0));
        speed.add(1_000, at(0));
        assert_eq!(speed.per_second(at(0)), None);
        for second in 1..=10 {
            speed.add(1_000, at(second));
        }
        assert_eq!(speed.per_second(at(10)), Some(1_100));
        assert_eq!(speed.left(2_201, at(10)), Some(Duration::from_secs(3)));
        for second in 100..=115 {
            speed.add(30, at(second));
        }
        assert_eq!(speed.per_second(at(115)), Some(32));
        // nothing moves any more
        assert_eq!(speed.per_second(at(500)), Some(0));
        assert_eq!(speed.left(1, at(500)), None);
    }
}
