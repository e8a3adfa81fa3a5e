//! Hands the heap of a canister over to the instance that is being made.

use super::memory::Mapping;
use std::cell::RefCell;
use std::sync::Arc;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Inaccessible address space behind each heap, bytes.
pub const GUARD_BYTES: usize = 2 << 30;

thread_local! {
    /// The mapping that the next memory made on this thread shall use.
    static NEXT_HEAP: RefCell<Option<Arc<Mapping>>> = const { RefCell::new(None) };
}

/// Runs `make`, and gives `heap` to the memory that it makes on this thread.
pub fn with_heap<T>(heap: Arc<Mapping>, make: impl FnOnce() -> T) -> T {
    NEXT_HEAP.with(|next| *next.borrow_mut() = Some(heap));
    let made = make();
    NEXT_HEAP.with(|next| next.borrow_mut().take());
    made
}

/// Gives a new instance the heap that was put aside for it.
pub struct Handover;

// SAFETY: the memory handed out is a mapping with the reservation and the guard that the engine asks for, zeroed beyond
// what the canister wrote.
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

/// A heap as the engine sees it; it starts at the module's minimum and is grown to the canister's size at once.
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
