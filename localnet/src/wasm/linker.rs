//! The system functions as the engine links them to modules.

use super::api::{Pointer, define};
use super::engine::engine;
use super::host::Host;
use super::mode::Mode;
use candid::Principal;
use std::sync::{LazyLock, Mutex};
use wasmtime::{Linker, Store};

/// The system functions for modules with memory addresses of 32 or of 64 bits.
pub fn linker(memory64: bool) -> &'static Linker<Host> {
    fn make<I: Pointer>() -> Linker<Host> {
        let mut linker = Linker::new(engine());
        define::<I>(&mut linker).expect("BUG: two system functions of one name");
        linker
    }
    static NARROW: LazyLock<Linker<Host>> = LazyLock::new(make::<u32>);
    static WIDE: LazyLock<Linker<Host>> = LazyLock::new(make::<u64>);
    if memory64 { &WIDE } else { &NARROW }
}

/// The parameters and results of a system function; `None` if there is none of this name.
#[allow(clippy::type_complexity)]
pub fn signature(
    memory64: bool,
    module: &str,
    name: &str,
) -> Option<(Vec<wasmparser::ValType>, Vec<wasmparser::ValType>)> {
    static STORE: LazyLock<Mutex<Store<Host>>> = LazyLock::new(|| {
        let host = Host::new(Mode::Start, Principal::anonymous());
        Mutex::new(Store::new(engine(), host))
    });
    let mut store = STORE.lock().unwrap_or_else(|e| e.into_inner());
    let ty = linker(memory64)
        .get(&mut *store, module, name)
        .ok()?
        .into_func()?
        .ty(&*store);
    let convert = |t: wasmtime::ValType| match t {
        wasmtime::ValType::I64 => wasmparser::ValType::I64,
        _ => wasmparser::ValType::I32,
    };
    Some((
        ty.params().map(convert).collect(),
        ty.results().map(convert).collect(),
    ))
}
