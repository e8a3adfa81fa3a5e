//! The stored chunks of a blob: one bit each, written compactly when they came in order.

use canister_common::codec::{Reader, Writer};
use capsule_shared::limits::MAX_CHUNKS;

/// A set of chunk indexes below [`MAX_CHUNKS`]; at most 2 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkSet {
    /// Bit `i % 64` of word `i / 64` says whether chunk `i` is stored. The last word is never 0.
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
        assert!(index < MAX_CHUNKS, "BUG: a chunk index is above the limit");
        assert!(!self.contains(index), "BUG: a chunk was counted twice");
        let word = index as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (index % 64);
        self.count += 1;
    }

    /// The highest index.
    pub fn last(&self) -> Option<u32> {
        let word = self.words.last()?;
        Some(self.words.len() as u32 * 64 - 1 - word.leading_zeros())
    }

    /// How many chunks follow from index 0 without a gap; this is also the first missing index.
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

    /// Appends the set: the number of full words (u32), the number of words behind them (u32), then
    /// those words (u64 each). If the chunks came in order, it takes 8 bytes and at most one word.
    pub fn write(&self, fields: Writer) -> Writer {
        let full = self.contiguous() / 64;
        let rest = &self.words[full as usize..];
        let fields = fields.u32(full).u32(rest.len() as u32);
        rest.iter().fold(fields, |fields, word| fields.u64(*word))
    }

    /// Reads what [`ChunkSet::write`] appended.
    pub fn read(fields: &mut Reader<'_>) -> Self {
        let full = fields.u32();
        let rest = fields.u32();
        let mut words = vec![u64::MAX; full as usize];
        words.extend((0..rest).map(|_| fields.u64()));
        let count = words.iter().map(|word| word.count_ones()).sum();
        Self { words, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use canister_common::codec::{Record, decode, encode};
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
        }
    }

    /// A record whose only field is the set.
    #[derive(Debug, PartialEq)]
    struct Alone(ChunkSet);

    impl Record for Alone {
        const VERSION: u8 = 1;

        fn write(&self, fields: Writer) -> Writer {
            self.0.write(fields)
        }

        fn read(_: u8, fields: &mut Reader<'_>) -> Self {
            Alone(ChunkSet::read(fields))
        }
    }

    #[test]
    fn chunks_in_order_take_little_space() {
        let mut set = Alone(ChunkSet::default());
        for index in 0..MAX_CHUNKS {
            set.0.insert(index);
            let stored = encode(&set);
            assert!(stored.len() <= 17, "{} bytes at {index}", stored.len());
            assert_eq!(decode::<Alone>(&stored), set);
        }
    }
}
