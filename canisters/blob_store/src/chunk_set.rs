//! Which chunks of a blob are stored: one bit each, written compactly when they came in order.

use capsule_shared::limits::MAX_CHUNKS;

/// A set of chunk indexes below [`MAX_CHUNKS`]; at most 2 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkSet {
    /// Bit `i % 64` of word `i / 64` is set when chunk `i` is there. The last word is never 0.
    words: Vec<u64>,
    count: u32,
}

impl ChunkSet {
    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn contains(&self, index: u32) -> bool {
        let word = self.words.get(index as usize / 64);
        word.is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub fn insert(&mut self, index: u32) {
        assert!(index < MAX_CHUNKS, "BUG: a chunk index above the limit");
        assert!(!self.contains(index), "BUG: a chunk was counted twice");
        let word = index as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (index % 64);
        self.count += 1;
    }

    /// Takes out the highest index.
    pub fn pop_last(&mut self) -> Option<u32> {
        let last = self.last()?;
        self.words[last as usize / 64] &= !(1 << (last % 64));
        self.count -= 1;
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
        Some(last)
    }

    /// The highest index.
    pub fn last(&self) -> Option<u32> {
        let word = self.words.last()?;
        Some(self.words.len() as u32 * 64 - 1 - word.leading_zeros())
    }

    /// How many chunks there are from index 0 on without a gap; it is also the first index that is missing.
    pub fn contiguous(&self) -> u32 {
        let full = self.words.iter().take_while(|word| **word == u64::MAX);
        let full = full.count();
        let rest = self.words.get(full).map_or(0, |word| word.trailing_ones());
        full as u32 * 64 + rest
    }

    /// How many indexes below `end` are missing.
    pub fn missing_below(&self, end: u32) -> u32 {
        let (whole, rest) = (end as usize / 64, end % 64);
        let there: u32 = self.words.iter().take(whole).map(|w| w.count_ones()).sum();
        let in_rest = self.words.get(whole).copied().unwrap_or(0) & ((1 << rest) - 1);
        end - there - in_rest.count_ones()
    }

    /// Appends the set: the number of words that are full (u32), the number of words behind them (u32), those words
    /// (u64 each). All little-endian; at most 8 bytes and a word when the chunks came in order.
    pub fn write(&self, out: &mut Vec<u8>) {
        let full = self.contiguous() / 64;
        let rest = &self.words[full as usize..];
        out.extend_from_slice(&full.to_le_bytes());
        out.extend_from_slice(&(rest.len() as u32).to_le_bytes());
        for word in rest {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// The set of these words, as [`ChunkSet::write`] has them.
    pub fn from_words(full: u32, rest: impl Iterator<Item = u64>) -> Self {
        let mut words = vec![u64::MAX; full as usize];
        words.extend(rest);
        let count = words.iter().map(|word| word.count_ones()).sum();
        Self { words, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_as_a_set(
            dense in 0..300u32,
            more in proptest::collection::btree_set(0..MAX_CHUNKS, 0..20),
            end in 0..MAX_CHUNKS + 1,
        ) {
            let mut model: BTreeSet<u32> = (0..dense).collect();
            model.extend(more);
            let mut set = ChunkSet::default();
            for index in &model {
                set.insert(*index);
            }
            prop_assert_eq!(set.count() as usize, model.len());
            prop_assert_eq!(set.last(), model.last().copied());
            prop_assert_eq!(
                set.contiguous(),
                (0..).find(|i| !model.contains(i)).expect("u32 is larger")
            );
            prop_assert_eq!(
                set.missing_below(end) as usize,
                (0..end).filter(|i| !model.contains(i)).count()
            );
            for index in 0..MAX_CHUNKS {
                prop_assert_eq!(set.contains(index), model.contains(&index));
            }
            let mut taken = Vec::new();
            while let Some(index) = set.pop_last() {
                taken.push(index);
            }
            prop_assert_eq!(taken, model.into_iter().rev().collect::<Vec<_>>());
            prop_assert_eq!(set, ChunkSet::default());
        }
    }

    #[test]
    fn in_order_it_stays_small() {
        let mut set = ChunkSet::default();
        for index in 0..MAX_CHUNKS {
            set.insert(index);
            let mut out = Vec::new();
            set.write(&mut out);
            assert!(out.len() <= 16, "{} bytes at {index}", out.len());
        }
    }
}
