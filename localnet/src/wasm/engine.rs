//! The WebAssembly engine, one for the whole process.

use super::handover::{GUARD_BYTES, Handover};
use super::memory::HEAP_MAX;
use std::sync::{Arc, LazyLock};
use wasmtime::{Config, Engine};

/// Stack for WebAssembly frames, in bytes. A thread that runs canisters needs more than that.
const STACK_BYTES: usize = 5 << 20;
/// The least stack of a thread that runs canisters, in bytes.
pub const THREAD_STACK_BYTES: usize = 16 << 20;

/// The engine that compiles and runs every module.
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
