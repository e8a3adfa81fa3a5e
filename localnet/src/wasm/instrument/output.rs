//! The result of instrumentation, and its errors.

use crate::wasm::memory::WASM_PAGE;

/// A rewritten module, and what was taken out of it.
pub struct Instrumented {
    pub module: Vec<u8>,
    /// Offset and bytes of each active data segment, in order.
    pub data: Vec<(u64, Vec<u8>)>,
    /// Indexes of the module's own mutable globals.
    pub mutable_globals: Vec<u32>,
    pub has_memory: bool,
    /// Whether addresses have 64 bits.
    pub memory64: bool,
    pub has_table: bool,
    pub has_start: bool,
    /// Memory pages (64 KiB) at the beginning.
    pub memory_pages: u64,
    /// What compiling is paid by: instructions, 10 more for each function, and those of the stable memory's imports.
    pub complexity: u64,
}

impl Instrumented {
    /// Bytes of the memory at the beginning.
    pub fn memory_bytes(&self) -> usize {
        (self.memory_pages as usize).saturating_mul(WASM_PAGE)
    }
}

#[derive(Debug)]
pub enum InstrumentError {
    Encoding(String),
    /// A data segment whose place isn't constant or isn't inside the memory.
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
