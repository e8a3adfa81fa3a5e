//! memory_index
