//! The WebAssembly engine, one for the whole process.

use super::handover::{GUARD_BYTES, Handover};
use super::memory::HEAP_MAX;
use std::sync::{Arc, LazyLock};
use wasmtime::{Config, Engine};

/// Room for WebAssembly frames; threads that run canisters need more than that.
const STACK_BYTES: usize = 5 << 20;
/// Threads that run canisters have at least this much stack.
pub const THREAD_STACK_BYTES: usize = 16 << 20;

pub fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let mut config = Config::new();
        config
            .cranelift_nan_canonicalization(true)
            .max_wasm_stack(STACK_BYTES)
            .async_stack_size(STACK_BYTES)
            .memory_reservation(HEAP_MAX as u64)
            .memory_guard_size(GUARD_BYTES as u64)
            .memory_init_cow(false)
            .wasm_backtrace_max_frames(None)
            .wasm_simd(true)
            .wasm_relaxed_simd(false)
            .wasm_tail_call(true)
            .with_host_memory(Arc::new(Handover));
        Engine::new(&config).expect("BUG: the engine's settings contradict each other")
    });
    &ENGINE
}
