//! Sends the missing chunks of one file, several of them ahead of the answers.

use crate::failure::{Failure, IntegrityError, Outcome};
use crate::local::source::Source;
use crate::network::gateway::Gateway;
use crate::progress::FileBar;
use capsule_shared::Error as Refusal;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeSet, VecDeque};
use tokio::sync::Semaphore;

/// The most chunks of one file in flight, well within the window in which the gateway takes chunks
/// early.
const AHEAD: u32 = 4;

/// The upload of one file.
pub struct Sending<'a> {
    pub gateway: &'a Gateway,
    /// One permit for each chunk in flight, of all files.
    pub slots: &'a Semaphore,
    pub source: &'a Source,
    pub session: u64,
    pub bar: &'a FileBar,
}

impl Sending<'_> {
    /// Sends the chunks `missing`, which are in ascending order.
    pub async fn run(&self, missing: VecDeque<u32>) -> Outcome {
        let mut window = Window::new(missing);
        let mut sending = FuturesUnordered::new();
        loop {
            while let Some(index) = window.next() {
                sending.push(self.put(index));
            }
            let Some((index, outcome)) = sending.next().await else {
                return Ok(());
            };
            let failure = match outcome {
                Ok(()) => {
                    window.answered(index);
                    self.bar.add(self.source.chunk_len(index) as u64);
                    continue;
                }
                Err(failure) => failure,
            };
            let refusal = match &failure {
                Failure::Call(error) => error.refusal(),
                _ => None,
            };
            match refusal {
                Some(Refusal::InvalidArgument(_)) if window.postpone(index) => {}
                Some(Refusal::Conflict(reason)) => {
                    let reason = format!("chunk {index}: {reason}");
                    return Err(self.changed(reason).into());
                }
                _ => return Err(failure),
            }
        }
    }

    async fn put(&self, index: u32) -> (u32, Outcome) {
        let slot = self.slots.acquire().await;
        let outcome = async {
            let bytes = self.source.chunk(index).await?;
            Ok(self.gateway.put(self.session, index, &bytes).await?)
        };
        let outcome = outcome.await;
        drop(slot);
        (index, outcome)
    }

    /// The failure of a file that isn't what it was when the upload began.
    pub fn changed(&self, reason: String) -> IntegrityError {
        IntegrityError::ChangedWhileSent {
            path: self.source.path.clone(),
            session: self.session,
            reason,
        }
    }
}

/// Which chunk may be sent next.
///
/// The gateway refuses a chunk that arrives too early, and its answer looks like that to any wrong
/// argument. Such a chunk is therefore sent again alone; only then its refusal is final.
struct Window {
    missing: VecDeque<u32>,
    in_flight: BTreeSet<u32>,
    /// Chunks that may have arrived too early.
    early: BTreeSet<u32>,
    /// The chunk that is in flight alone.
    alone: Option<u32>,
}

impl Window {
    fn new(missing: VecDeque<u32>) -> Self {
        Self {
            missing,
            in_flight: BTreeSet::new(),
            early: BTreeSet::new(),
            alone: None,
        }
    }

    /// The next chunk to send, now in flight, or `None` until another one is answered.
    fn next(&mut self) -> Option<u32> {
        if self.alone.is_some() {
            return None;
        }
        if self.in_flight.is_empty() && !self.early.is_empty() {
            self.alone = self.early.pop_first();
            self.in_flight.extend(self.alone);
            return self.alone;
        }
        // The gateway may take chunks strictly in order: it would refuse any further one in vain.
        if !self.early.is_empty() {
            return None;
        }
        let index = self.missing.front().copied()?;
        let first = self.in_flight.first().copied().unwrap_or(index);
        if index >= first + AHEAD {
            return None;
        }
        self.missing.pop_front();
        self.in_flight.insert(index);
        Some(index)
    }

    /// A chunk has its answer.
    fn answered(&mut self, index: u32) {
        self.in_flight.remove(&index);
        self.alone = self.alone.filter(|alone| *alone != index);
    }

    /// Keeps a refused chunk for later. Returns `false` if its refusal is final.
    fn postpone(&mut self, index: u32) -> bool {
        let last = self.alone == Some(index);
        self.answered(index);
        if !last {
            self.early.insert(index);
        }
        !last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [u32; 0] = [];

    fn all_next(window: &mut Window) -> Vec<u32> {
        std::iter::from_fn(|| window.next()).collect()
    }

    #[test]
    fn chunks_are_sent_in_order_a_few_ahead_of_the_first_unanswered() {
        let mut window = Window::new((0..10).collect());
        assert_eq!(all_next(&mut window), [0, 1, 2, 3]);
        window.answered(2);
        assert_eq!(all_next(&mut window), NONE);
        window.answered(0);
        assert_eq!(all_next(&mut window), [4]);
        for index in [1, 3, 4] {
            window.answered(index);
        }
        assert_eq!(all_next(&mut window), [5, 6, 7, 8]);
    }

    #[test]
    fn a_gap_in_the_missing_chunks_does_not_widen_the_window() {
        let mut window = Window::new([0, 1, 7, 8].into());
        assert_eq!(all_next(&mut window), [0, 1]);
        window.answered(0);
        assert_eq!(all_next(&mut window), NONE);
        window.answered(1);
        assert_eq!(all_next(&mut window), [7, 8]);
    }

    #[test]
    fn a_chunk_that_is_refused_alone_was_not_too_early() {
        let mut window = Window::new((0..6).collect());
        assert_eq!(all_next(&mut window), [0, 1, 2, 3]);
        for index in [0, 1, 2] {
            window.answered(index);
        }
        assert!(window.postpone(3));
        assert_eq!(all_next(&mut window), [3]);
        assert!(!window.postpone(3));
    }

    /// A gateway may accept chunks strictly in order, and answers may overtake each other.
    #[test]
    fn a_strict_gateway_gets_every_chunk_in_any_order_of_answers() {
        for newest_first in [false, true] {
            let mut window = Window::new((0..20).collect());
            let mut expected = 0;
            let mut in_flight: Vec<u32> = Vec::new();
            let mut puts = 0;
            loop {
                let next = all_next(&mut window);
                puts += next.len();
                in_flight.extend(next);
                if in_flight.is_empty() {
                    break;
                }
                let at = if newest_first { in_flight.len() - 1 } else { 0 };
                let index = in_flight.remove(at);
                if index == expected {
                    expected += 1;
                    window.answered(index);
                } else {
                    assert!(window.postpone(index), "chunk {index} is given up");
                }
            }
            assert_eq!(expected, 20);
            // Newest first, three of each four in flight are refused once and sent again.
            assert!(puts <= 20 + 15, "{puts} puts for 20 chunks");
        }
    }
}
