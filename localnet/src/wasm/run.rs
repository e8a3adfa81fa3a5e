//! Runs one entry point of a module on a workspace.
//!
//! Each run makes a fresh instance, restores the canister's state in it, counts its instructions,
//! and takes the state out again.

use super::engine::engine;
use super::fault::Fault;
use super::handover::with_heap;
use super::host::{Host, Parts};
use super::instrument::{COUNTER, MEMORY, START, TABLE, global_export};
use super::memory::{PageRun, WASM_PAGE};
use super::mode::Mode;
use super::module::CompiledModule;
use super::outgoing::Closure;
use super::state::Workspace;
use crate::prices;
use candid::Principal;
use wasmtime::{Store, Trap, Val};

/// The function that a run calls.
#[derive(Clone, Debug)]
pub enum Entry {
    /// None: the run only makes the instance.
    Nothing,
    Start,
    Export(String),
    /// A callback in the table.
    Table(Closure),
}

/// A finished run.
pub struct Run {
    pub host: Host,
    pub fault: Option<Fault>,
    /// Instructions as `performance_counter(0)` counts them.
    pub instructions: u64,
    /// Instructions for first writes to heap pages. Only the price shows them.
    pub hidden_instructions: u64,
}

/// Runs one entry point.
///
/// After a fault the caller must drop the workspace. A composite query keeps the workspace of the
/// calling query.
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
    let before = count(&workspace.heap_dirty);
    let outcome = start(module, workspace, entry, &mut store, limit);
    let left = store.data().parts.map_or(limit as i64, |p| {
        p.counter.get(&mut store).i64().unwrap_or(0)
    });
    // a huge charge may leave the counter at the smallest number
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
    let noted = workspace.note_dirty();
    let outcome = outcome.and_then(|()| Ok(noted?));
    let fault = outcome.err().map(|e| explain(&e, left, limit));
    let mut host = store.into_data();
    host.stable = None;
    host.drop_call();
    if fault.is_none() {
        workspace.stable_dirty.extend(host.stable_touched.written());
    }
    let dirty = count(&workspace.heap_dirty).saturating_sub(before);
    Run {
        host,
        fault,
        instructions,
        hidden_instructions: dirty as u64 * prices::HEAP_DIRTY_PAGE,
    }
}

fn count(runs: &[PageRun]) -> usize {
    runs.iter().map(|r| r.count).sum()
}

/// Makes the instance, restores the state in it, and calls the entry.
fn start(
    module: &CompiledModule,
    workspace: &Workspace,
    entry: &Entry,
    store: &mut Store<Host>,
    limit: u64,
) -> wasmtime::Result<()> {
    let made = with_heap(workspace.heap.clone(), || {
        module.instance.instantiate(&mut *store)
    });
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
                // the module gave 32 bits
                typed.call(&mut *store, closure.env as u32)
            }
        }
    }
}

/// The fault that an error of the engine stands for.
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

/// Reads the globals of a module that has run nothing into the workspace.
pub fn read_globals(module: &CompiledModule, workspace: &mut Workspace) -> Result<(), Fault> {
    let host = Host::new(Mode::Start, Principal::management_canister());
    let run = run(module, workspace, &Entry::Nothing, host);
    run.fault.map_or(Ok(()), Err)
}
