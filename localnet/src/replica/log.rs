//! The log of a canister.

use crate::prices;
use std::collections::VecDeque;

/// The last 4 KiB of a canister's prints.
#[derive(Default)]
pub struct Log {
    pub records: VecDeque<LogRecord>,
    next: u64,
}

/// One print, or the text of one trap.
pub struct LogRecord {
    pub index: u64,
    /// In nanoseconds since 1970.
    pub time: u64,
    pub content: Vec<u8>,
}

/// The bytes of a record besides its text.
const LOG_RECORD_BYTES: usize = 40;

impl Log {
    pub fn add(&mut self, time: u64, mut content: Vec<u8>) {
        content.truncate(prices::MAX_LOG - LOG_RECORD_BYTES);
        self.records.push_back(LogRecord {
            index: self.next,
            time,
            content,
        });
        self.next += 1;
        let size = |r: &LogRecord| r.content.len() + LOG_RECORD_BYTES;
        let mut total: usize = self.records.iter().map(size).sum();
        while total > prices::MAX_LOG {
            let first = self
                .records
                .pop_front()
                .expect("BUG: a log over its limit is empty");
            total -= size(&first);
        }
    }

    pub fn clear(&mut self) {
        self.records.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_last_records() {
        let mut log = Log::default();
        for _ in 0..60 {
            log.add(0, vec![b'x'; 100]);
        }
        assert_eq!(log.records.len(), 29);
        assert_eq!(log.records[0].index, 31);
        log.add(0, vec![b'x'; 10_000]);
        assert_eq!(log.records.len(), 1);
    }
}
