//! The pages of stable memory that a run touched, and the limit on them.

use super::fault::Fault;
use super::memory::PAGE;
use std::collections::HashSet;

/// Numbers of pages of [`PAGE`] bytes.
#[derive(Default)]
pub struct TouchedPages {
    /// Read or written.
    accessed: HashSet<u64>,
    written: HashSet<u64>,
}

impl TouchedPages {
    /// Records an access of `size` bytes. Returns how many pages the run writes for the first time.
    /// Fails if it has touched or written more than `limit` bytes.
    pub fn touch(&mut self, limit: u64, offset: u64, size: u64, write: bool) -> Result<u64, Fault> {
        let page = PAGE as u64;
        let most = limit / page;
        let mut fresh = 0;
        for p in offset / page..(offset + size).div_ceil(page) {
            if write && self.written.insert(p) {
                fresh += 1;
            }
            self.accessed.insert(p);
            if self.written.len() as u64 > most {
                return Err(Fault::StableWrites);
            }
            if self.accessed.len() as u64 > most {
                return Err(Fault::StableAccess);
            }
        }
        Ok(fresh)
    }

    /// The numbers of the written pages, in order.
    pub fn written(&self) -> Vec<usize> {
        let mut pages: Vec<usize> = self.written.iter().map(|p| *p as usize).collect();
        pages.sort_unstable();
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 3 * PAGE as u64;

    #[test]
    fn each_page_counts_once() {
        let mut pages = TouchedPages::default();
        // one byte of page 0 and one of page 1
        assert_eq!(pages.touch(LIMIT, 4_095, 2, true), Ok(2));
        assert_eq!(pages.touch(LIMIT, 0, 8_192, true), Ok(0));
        assert_eq!(pages.touch(LIMIT, 0, 12_288, false), Ok(0));
        assert_eq!(pages.written(), [0, 1]);
        assert_eq!(
            pages.touch(LIMIT, 1 << 30, 1, false),
            Err(Fault::StableAccess)
        );
    }

    #[test]
    fn a_run_that_only_writes_fails_by_what_it_wrote() {
        let mut pages = TouchedPages::default();
        assert_eq!(pages.touch(LIMIT, 0, LIMIT, true), Ok(3));
        assert_eq!(pages.touch(LIMIT, LIMIT, 1, true), Err(Fault::StableWrites));
        // reads and writes together have the same limit
        let mut pages = TouchedPages::default();
        assert_eq!(pages.touch(LIMIT, 0, LIMIT, false), Ok(0));
        assert_eq!(pages.touch(LIMIT, LIMIT, 1, true), Err(Fault::StableAccess));
    }
}
