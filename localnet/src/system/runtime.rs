//! Runs one entry point of a module on a workspace: a fresh instance, the canister's state put in, metered, taken out.

use super::errors::Fault;
use super::instrument::{COUNTER, MEMORY, START, TABLE, global_export};
use super::memory::{HEAP_MAX, HEAP_MAX_64, Image, Mapping, PAGE, STABLE_MAX, WASM_PAGE, runs};
use super::module::CompiledModule;
use super::{Host, api};
use crate::core::prices;
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};
use wasmtime::{
    Config, Engine, Global, LinearMemory, Linker, Memory, MemoryCreator, MemoryType,
    ResourceLimiter, Store, Trap, Val,
};

/// Room for WebAssembly frames; threads that run canisters need more than that.
const STACK_BYTES: usize = 5 << 20;
/// Threads that run canisters have at least this much stack.
pub const THREAD_STACK_BYTES: usize = 16 << 20;
const GUARD_BYTES: usize = 2 << 30;
/// Elements of a table: 600,000 were recorded as taken, ten million as refused.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

/// What a canister keeps between messages besides its module.
#[derive(Clone)]
pub struct State {
    pub heap: Image,
    pub stable: Image,
    /// The module's own mutable globals, in order.
    pub globals: Vec<Val>,
}

/// The state as one message sees it; nothing is kept until it is committed.
pub struct Workspace {
    pub heap: Arc<Mapping>,
    pub stable: Arc<Mapping>,
    pub globals: Vec<Val>,
    /// Stable pages that were written so far, in units of [`PAGE`].
    stable_dirty: std::collections::BTreeSet<usize>,
}

impl State {
    /// The state before the first instruction: data segments in the heap, `stable` as it is given.
    pub fn initial(module: &CompiledModule, stable: Image) -> std::io::Result<Self> {
        let capacity = match module.instrumented.memory64 {
            true => HEAP_MAX_64,
            false => HEAP_MAX,
        };
        let size = module.instrumented.memory_bytes();
        if size > capacity {
            return Err(std::io::Error::other(format!(
                "a memory of {size} bytes is larger than the {capacity} that a heap may have"
            )));
        }
        let mut heap = Image::new(capacity)?;
        heap.set_size(size);
        for (offset, bytes) in &module.instrumented.data {
            heap.write(*offset as usize, bytes)?;
        }
        Ok(Self {
            heap,
            stable,
            globals: vec![],
        })
    }

    pub fn empty_stable() -> std::io::Result<Image> {
        Image::new(STABLE_MAX)
    }

    pub fn workspace(&self) -> std::io::Result<Workspace> {
        Ok(Workspace {
            heap: self.heap.map(GUARD_BYTES)?,
            stable: self.stable.map(PAGE)?,
            globals: self.globals.clone(),
            stable_dirty: Default::default(),
        })
    }

    /// Keeps what the workspace holds.
    pub fn commit(&mut self, workspace: &Workspace) -> std::io::Result<()> {
        self.heap
            .commit(&workspace.heap, &workspace.heap.dirty()?)?;
        self.stable.commit(
            &workspace.stable,
            &runs(workspace.stable_dirty.iter().copied()),
        )?;
        self.globals = workspace.globals.clone();
        Ok(())
    }
}

/// What is run.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Only makes the instance.
    Nothing,
    Start,
    Export(String),
    /// A callback in the table, with its environment.
    Table(super::host::Closure),
}

/// How a run ended.
pub struct Run {
    pub host: Host,
    pub fault: Option<Fault>,
    /// Instructions as `performance_counter(0)` counts them.
    pub instructions: u64,
    /// Instructions that only the cycles show: first writes to heap pages.
    pub hidden_instructions: u64,
}

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

/// The system functions for modules whose memory has addresses of 32, or of 64 bits.
pub fn linker(memory64: bool) -> &'static Linker<Host> {
    fn make<I: api::Pointer>() -> Linker<Host> {
        let mut linker = Linker::new(engine());
        api::define::<I>(&mut linker).expect("BUG: two system functions of one name");
        linker
    }
    static NARROW: LazyLock<Linker<Host>> = LazyLock::new(make::<u32>);
    static WIDE: LazyLock<Linker<Host>> = LazyLock::new(make::<u64>);
    if memory64 { &WIDE } else { &NARROW }
}

/// The types of a system function, if there is one of this name.
#[allow(clippy::type_complexity)]
pub fn signature(
    memory64: bool,
    module: &str,
    name: &str,
) -> Option<(Vec<wasmparser::ValType>, Vec<wasmparser::ValType>)> {
    static STORE: LazyLock<std::sync::Mutex<Store<Host>>> = LazyLock::new(|| {
        let host = Host::new(super::Mode::Start, candid::Principal::anonymous());
        std::sync::Mutex::new(Store::new(engine(), host))
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

thread_local! {
    /// The mapping that the next memory made on this thread shall use.
    static NEXT_HEAP: RefCell<Option<Arc<Mapping>>> = const { RefCell::new(None) };
}

/// Gives a new instance the heap that was put aside for it.
struct Handover;

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

/// Enforces what growing the heap needs: the limit in the settings, and cycles to keep it.
impl ResourceLimiter for Host {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if self.heap_size.is_none() || desired > HEAP_MAX_64 {
            return Ok(desired <= HEAP_MAX_64);
        }
        self.may_grow_heap(current as u64, desired as u64)?;
        Ok(true)
    }
    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

/// The parts of an instance that system functions use.
#[derive(Clone, Copy)]
pub struct Parts {
    pub counter: Global,
    pub memory: Option<Memory>,
}

/// Runs one entry point. With a fault the workspace must be dropped (or, in a composite query, its caller's kept).
pub fn run(
    module: &CompiledModule,
    workspace: &mut Workspace,
    entry: &Entry,
    mut host: Host,
) -> Run {
    let limit = host.instruction_limit;
    host.stable = Some(workspace.stable.clone());
    let mut store = Store::new(engine(), host);
    store.limiter(|host| host);
    let before = workspace.heap.dirty().map(|d| count(&d)).unwrap_or(0);
    let outcome = start(module, workspace, entry, &mut store, limit);
    let left = store.data().parts.map_or(limit as i64, |p| {
        p.counter.get(&mut store).i64().unwrap_or(0)
    });
    // one charge may be so huge that the counter ends at the smallest number
    let instructions = (limit as i64).saturating_sub(left).clamp(0, limit as i64) as u64;
    if outcome.is_ok() {
        for (i, index) in module.instrumented.mutable_globals.iter().enumerate() {
            let instance = store.data().instance.expect("BUG: ran without an instance");
            let global = instance.get_global(&mut store, &global_export(*index));
            let value = global.expect("BUG: a global is gone").get(&mut store);
            if i < workspace.globals.len() {
                workspace.globals[i] = value;
            } else {
                workspace.globals.push(value);
            }
        }
    }
    let fault = outcome.err().map(|e| explain(&e, left, limit));
    let mut host = store.into_data();
    host.stable = None;
    host.drop_call();
    if fault.is_none() {
        workspace.stable_dirty.extend(host.stable_dirty_pages());
    }
    let dirty = workspace.heap.dirty().map(|d| count(&d)).unwrap_or(0);
    Run {
        host,
        fault,
        instructions,
        hidden_instructions: dirty.saturating_sub(before) as u64 * prices::HEAP_DIRTY_PAGE,
    }
}

fn count(runs: &[super::memory::PageRun]) -> usize {
    runs.iter().map(|r| r.count).sum()
}

/// Makes the instance, puts the state in and calls the entry.
fn start(
    module: &CompiledModule,
    workspace: &Workspace,
    entry: &Entry,
    store: &mut Store<Host>,
    limit: u64,
) -> wasmtime::Result<()> {
    NEXT_HEAP.with(|next| *next.borrow_mut() = Some(workspace.heap.clone()));
    let made = module.instance.instantiate(&mut *store);
    NEXT_HEAP.with(|next| next.borrow_mut().take());
    let instance = made.map_err(|e| Fault::Engine(format!("Failed to instantiate module: {e}")))?;
    let memory = instance.get_memory(&mut *store, MEMORY);
    if let Some(memory) = memory {
        let missing = (workspace.heap.size() - memory.data_size(&*store)) / WASM_PAGE;
        memory.grow(&mut *store, missing as u64)?;
    }
    for (index, value) in module
        .instrumented
        .mutable_globals
        .iter()
        .zip(&workspace.globals)
    {
        let global = instance.get_global(&mut *store, &global_export(*index));
        global
            .expect("BUG: a global is gone")
            .set(&mut *store, *value)?;
    }
    let counter = instance
        .get_global(&mut *store, COUNTER)
        .expect("BUG: no instruction counter");
    counter.set(&mut *store, Val::I64(limit as i64))?;
    let heap_size = workspace.heap.size() as u64;
    let host = store.data_mut();
    host.parts = Some(Parts { counter, memory });
    host.instance = Some(instance);
    host.heap_size = Some(heap_size);
    match entry {
        Entry::Nothing => Ok(()),
        Entry::Start => instance
            .get_typed_func::<(), ()>(&mut *store, START)?
            .call(&mut *store, ()),
        Entry::Export(name) => instance
            .get_typed_func::<(), ()>(&mut *store, name)?
            .call(&mut *store, ()),
        Entry::Table(closure) => {
            let function = instance
                .get_table(&mut *store, TABLE)
                .and_then(|t| t.get(&mut *store, closure.function))
                .and_then(|r| r.as_func().and_then(|f| f.copied()))
                .ok_or(Fault::NoFunction(closure.function))?;
            let mismatch =
                |_| Fault::Contract("function invocation does not match its signature".into());
            if module.instrumented.memory64 {
                let typed = function.typed::<u64, ()>(&*store).map_err(mismatch)?;
                typed.call(&mut *store, closure.env)
            } else {
                let typed = function.typed::<u32, ()>(&*store).map_err(mismatch)?;
                // what the module said has 32 bits
                typed.call(&mut *store, closure.env as u32)
            }
        }
    }
}

/// Turns the engine's error into the IC's words.
fn explain(error: &wasmtime::Error, left: i64, limit: u64) -> Fault {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.clone();
    }
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return Fault::Engine(format!("{error:#}"));
    };
    match trap {
        Trap::UnreachableCodeReached if left < 0 => Fault::InstructionLimit(limit),
        Trap::UnreachableCodeReached => Fault::Trapped("unreachable"),
        Trap::StackOverflow => Fault::Trapped("stack overflow"),
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => Fault::Trapped("heap out of bounds"),
        Trap::TableOutOfBounds => Fault::Trapped("table out of bounds"),
        Trap::IntegerDivisionByZero => Fault::Trapped("integer division by 0"),
        Trap::BadSignature => {
            Fault::Contract("function invocation does not match its signature".into())
        }
        _ => Fault::Trapped("unknown"),
    }
}

impl Workspace {
    /// Goes on with the stable memory of another workspace, written pages included.
    pub fn take_stable(&mut self, other: &Workspace) {
        self.stable = other.stable.clone();
        self.stable_dirty = other.stable_dirty.clone();
    }
}

/// Reads the globals of a module that has run nothing.
pub fn read_globals(module: &CompiledModule, workspace: &mut Workspace) -> Result<(), Fault> {
    let host = Host::new(super::Mode::Start, candid::Principal::management_canister());
    let run = run(module, workspace, &Entry::Nothing, host);
    run.fault.map_or(Ok(()), Err)
}
