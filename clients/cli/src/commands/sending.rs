//! Sends the missing chunks of one file, several of them ahead of the answers.

use crate::commands::session::look;
use crate::failure::{Failure, IntegrityError, Outcome};
use crate::local::source::Source;
use crate::network::error::{CallError, Cause};
use crate::network::gateway::Gateway;
use crate::network::refused::UploadError;
use crate::progress::FileProgress;
use capsule_shared::Error as Refusal;
use capsule_shared::upload::UploadState;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeSet, VecDeque};
use tokio::sync::Semaphore;

/// The most chunks of one file in flight, well within the window in which the gateway takes chunks
/// early.
const AHEAD: u32 = 4;

/// The upload of one file.
pub struct Sending<'a> {
    pub gateway: &'a Gateway,
    /// One permit for each byte in flight, of all files.
    pub slots: &'a Semaphore,
    pub source: &'a Source,
    pub session: u64,
    /// The idempotency key of the session.
    pub key: &'a str,
    pub progress: &'a FileProgress,
}

impl Sending<'_> {
    /// Sends the chunks `missing`, which are in ascending order. Returns how many were sent.
    pub async fn run(&self, missing: VecDeque<u32>) -> Outcome<usize> {
        let mut window = Window::new(missing);
        let mut sending = FuturesUnordered::new();
        let mut sent = 0;
        loop {
            while let Some(index) = window.next() {
                sending.push(self.put(index));
            }
            let Some((index, outcome)) = sending.next().await else {
                return Ok(sent);
            };
            let error = match outcome {
                Ok(()) => {
                    window.answered(index);
                    sent += 1;
                    self.progress.add(self.source.chunk_len(index) as u64);
                    continue;
                }
                Err(Failure::Call(error)) => error,
                Err(failure) => return Err(failure),
            };
            let early = matches!(error.refusal(), Some(Refusal::InvalidArgument(_)));
            if early && window.postpone(index) {
                continue;
            }
            match self.state_after(&error).await {
                None => return Err(self.not_sent(index, error)),
                Some(Some(UploadState::Pending)) => return Err(self.not_sent(index, error)),
                // another client has sent the same file
                Some(Some(UploadState::Finishing | UploadState::Committed)) => return Ok(sent),
                Some(None) => return Err(self.gone().into()),
            }
        }
    }

    /// The state of the session after a refusal, or `None` within it if the session has ended.
    ///
    /// The refusal alone doesn't tell: it depends on the size of the message, and on the moment.
    /// `None` if the gateway refused nothing, or the state can't be asked.
    async fn state_after(&self, error: &CallError) -> Option<Option<UploadState>> {
        let refused = matches!(
            error.cause,
            Cause::Refused(_) | Cause::Rejected(_) | Cause::Http { .. }
        );
        if !refused {
            return None;
        }
        let status = look(self.gateway, self.session, self.key).await.ok()?;
        Some(status.map(|status| status.state))
    }

    /// The failure of a chunk that the gateway refused while the upload is pending.
    fn not_sent(&self, index: u32, error: CallError) -> Failure {
        match error.refusal() {
            Some(Refusal::Conflict(reason)) => {
                self.changed(format!("chunk {index}: {reason}")).into()
            }
            Some(Refusal::ResourceExhausted) => {
                let session = self.session;
                Failure::from(UploadError::Storage { session })
            }
            _ => error.into(),
        }
    }

    /// The failure of an upload that the gateway didn't finish.
    pub async fn not_finished(&self, error: CallError) -> Failure {
        match error.refusal() {
            Some(refusal) if refusal.is_checksum_mismatch() => {
                self.changed(error.to_string()).into()
            }
            _ => match self.state_after(&error).await {
                Some(None) => self.gone().into(),
                _ => error.into(),
            },
        }
    }

    fn gone(&self) -> UploadError {
        UploadError::Gone {
            path: self.source.path.clone(),
            session: self.session,
        }
    }

    async fn put(&self, index: u32) -> (u32, Outcome) {
        let bytes = self.source.chunk_len(index) as u32;
        let slot = self.slots.acquire_many(bytes).await;
        let outcome = async {
            let bytes = self.source.chunk(index).await?;
            Ok(self.gateway.put(self.session, index, &bytes).await?)
        };
        let outcome = outcome.await;
        drop(slot);
        (index, outcome)
    }

    /// The failure of a file that isn't what it was when the upload began.
    fn changed(&self, reason: String) -> IntegrityError {
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
