//! Which chunks of a session are received: a run from the first one, and a bitmap beyond it.

use canister_common::codec::{Reader, Writer};

/// How many indexes beyond the first missing one [`Received`] has bits for.
pub const MAX_AHEAD: u32 = 64;

/// The largest reorder window; the rest of [`MAX_AHEAD`] is room for chunks in flight.
pub const MAX_REORDER_WINDOW: u32 = 32;

const _: () = assert!(MAX_REORDER_WINDOW < MAX_AHEAD);

/// Contains every index below `next`, and those beyond it whose bit is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub next: u32,
    /// Bit k stands for index `next + 1 + k`.
    ahead: u64,
}

impl Received {
    pub fn contains(&self, index: u32) -> bool {
        match index.checked_sub(self.next) {
            None => true,
            Some(0) => false,
            Some(d) => d <= MAX_AHEAD && self.ahead & (1 << (d - 1)) != 0,
        }
    }

    /// Panics if `index` is further than [`MAX_AHEAD`] beyond `next`.
    pub fn insert(&mut self, index: u32) {
        match index.checked_sub(self.next) {
            None => {}
            Some(0) => {
                let run = self.ahead.trailing_ones();
                self.next += 1 + run;
                // One more than the run: the bit of the new `next` itself is clear.
                self.ahead = self.ahead.checked_shr(run + 1).unwrap_or(0);
            }
            Some(d) => {
                assert!(d <= MAX_AHEAD, "BUG: a chunk beyond the reorder bitmap");
                self.ahead |= 1 << (d - 1);
            }
        }
    }

    pub fn count(&self) -> u32 {
        self.next + self.ahead.count_ones()
    }

    /// The missing indexes below `end`, as ranges (first, last), both inclusive.
    ///
    /// They are few: every received index lies below `next` or in the bitmap.
    pub fn missing(&self, end: u32) -> Vec<(u32, u32)> {
        let mut ranges = Vec::new();
        let mut first = self.next;
        let bitmap_end = self.next.saturating_add(MAX_AHEAD + 1).min(end);
        for index in self.next..bitmap_end {
            if self.contains(index) {
                if first < index {
                    ranges.push((first, index - 1));
                }
                first = index + 1;
            }
        }
        if first < end {
            ranges.push((first, end - 1));
        }
        ranges
    }

    /// Layout inside a record: next, bitmap.
    pub(super) fn write(&self, fields: Writer) -> Writer {
        fields.u32(self.next).u64(self.ahead)
    }

    pub(super) fn read(fields: &mut Reader<'_>) -> Self {
        Received {
            next: fields.u32(),
            ahead: fields.u64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_swallows_a_full_bitmap() {
        let mut received = Received::default();
        for index in (1..=MAX_AHEAD).rev() {
            received.insert(index);
        }
        assert_eq!((received.next, received.count()), (0, MAX_AHEAD));
        assert!(!received.contains(MAX_AHEAD + 1));
        received.insert(0);
        assert_eq!(
            (received.next, received.count()),
            (MAX_AHEAD + 1, MAX_AHEAD + 1)
        );
    }

    #[test]
    #[should_panic(expected = "beyond the reorder bitmap")]
    fn an_index_beyond_the_bitmap_is_a_bug() {
        Received::default().insert(MAX_AHEAD + 1);
    }

    #[test]
    fn missing_ranges_lie_around_the_bitmap() {
        let mut received = Received::default();
        assert_eq!(received.missing(0), []);
        assert_eq!(received.missing(3), [(0, 2)]);
        for index in [0, 2, 3, 64] {
            received.insert(index);
        }
        assert_eq!(received.missing(65), [(1, 1), (4, 63)]);
        assert_eq!(received.missing(100), [(1, 1), (4, 63), (65, 99)]);
    }
}
