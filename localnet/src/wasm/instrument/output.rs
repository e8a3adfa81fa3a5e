//! The result of instrumentation, and its errors.

use crate::wasm::memory::WASM_PAGE;

/// A rewritten module, and the parts that were taken out of it.
pub struct Instrumented {
    pub module: Vec<u8>,
    /// The offset and the bytes of each active data segment, in order.
    pub data: Vec<(u64, Vec<u8>)>,
    /// The indexes of the module's own mutable globals.
    pub mutable_globals: Vec<u32>,
    pub has_memory: bool,
    /// Whether addresses have 64 bits.
    pub memory64: bool,
    pub has_table: bool,
    pub has_start: bool,
    /// The initial size of the memory, in pages of 64 KiB.
    pub memory_pages: u64,
    /// The size that compilation charges for: the instructions, 10 more for each function, and more
    /// for some imports of stable memory.
    pub complexity: u64,
}

impl Instrumented {
    /// The initial size of the memory, in bytes.
    pub fn memory_bytes(&self) -> usize {
        (self.memory_pages as usize).saturating_mul(WASM_PAGE)
    }
}

/// The reason why a module cannot be instrumented.
#[derive(Debug)]
pub enum InstrumentError {
    Encoding(String),
    /// The place of a data segment is not constant or not inside the memory.
    DataSegment(String),
}

impl<E: std::fmt::Display> From<wasm_encoder::reencode::Error<E>> for InstrumentError {
    fn from(e: wasm_encoder::reencode::Error<E>) -> Self {
        InstrumentError::Encoding(e.to_string())
    }
}

impl From<wasmparser::BinaryReaderError> for InstrumentError {
    fn from(e: wasmparser::BinaryReaderError) -> Self {
        InstrumentError::Encoding(e.to_string())
    }
}
