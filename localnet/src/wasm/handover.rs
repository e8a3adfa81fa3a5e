//! Gives a new instance the heap of its canister.
//!
//! The engine makes memories itself and passes no context along. A thread-local variable therefore
//! carries the heap to it.

use super::memory::Mapping;
use std::cell::RefCell;
use std::sync::Arc;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Inaccessible address space behind each heap, in bytes.
pub const GUARD_BYTES: usize = 2 << 30;

thread_local! {
    /// The mapping for the next memory that this thread makes.
    static NEXT_HEAP: RefCell<Option<Arc<Mapping>>> = const { RefCell::new(None) };
}

/// Runs `make`, which makes an instance on this thread, and gives that instance `heap`.
pub fn with_heap<T>(heap: Arc<Mapping>, make: impl FnOnce() -> T) -> T {
    NEXT_HEAP.with(|next| *next.borrow_mut() = Some(heap));
    let made = make();
    NEXT_HEAP.with(|next| next.borrow_mut().take());
    made
}

/// The engine's source of memories.
pub struct Handover;

// SAFETY: the mapping has the reservation and the guard that the engine asks for, and is zero
// beyond the bytes that the canister wrote.
unsafe impl MemoryCreator for Handover {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let mapping = NEXT_HEAP
            .with(|next| next.borrow_mut().take())
            .ok_or("no heap was put aside for this instance")?;
        if reserved.is_some_and(|r| r > mapping.capacity()) || guard > GUARD_BYTES {
            return Err("the engine wants more address space than a heap has".into());
        }
        Ok(Box::new(Heap {
            mapping,
            size: minimum,
        }))
    }
}

/// A heap as the engine sees it. It starts with the module's minimum, and the run grows it to the
/// canister's size at once.
struct Heap {
    mapping: Arc<Mapping>,
    size: usize,
}

// SAFETY: base and capacity never change, and `size` bytes are readable and writable.
unsafe impl LinearMemory for Heap {
    fn byte_size(&self) -> usize {
        self.size
    }
    fn byte_capacity(&self) -> usize {
        self.mapping.capacity()
    }
    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        self.mapping.grow_to(size)?;
        self.size = size;
        Ok(())
    }
    fn as_ptr(&self) -> *mut u8 {
        self.mapping.base()
    }
}
