//! Stable memory that counts the bytes read from it, for tests that nothing reads more because
//! there is more.

use ic_stable_structures::{Memory, VectorMemory};
use std::cell::Cell;
use std::rc::Rc;

/// A clone is the same memory with the same count.
#[derive(Clone, Default)]
pub struct Counted {
    memory: VectorMemory,
    bytes_read: Rc<Cell<u64>>,
}

impl Counted {
    /// Bytes that were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }
}

impl Memory for Counted {
    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn grow(&self, pages: u64) -> i64 {
        self.memory.grow(pages)
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        let bytes = dst.len() as u64;
        self.bytes_read.set(self.bytes_read.get() + bytes);
        self.memory.read(offset, dst);
    }

    fn write(&self, offset: u64, src: &[u8]) {
        self.memory.write(offset, src);
    }
}
