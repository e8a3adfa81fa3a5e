//! The state that a canister keeps between messages, and the view of it that one message changes.

use super::handover::GUARD_BYTES;
use super::memory::{HEAP_MAX, HEAP_MAX_64, Image, Mapping, PAGE, PageRun, STABLE_MAX, runs};
use super::module::CompiledModule;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::Val;

/// The state that a canister keeps between messages.
#[derive(Clone)]
pub struct State {
    pub heap: Image,
    pub stable: Image,
    /// The module's own mutable globals, in order.
    pub globals: Vec<Val>,
}

/// The state as one message sees it. Only a commit keeps its changes.
pub struct Workspace {
    pub heap: Arc<Mapping>,
    pub stable: Arc<Mapping>,
    pub globals: Vec<Val>,
    /// The heap pages that were written until the last run ended.
    pub(super) heap_dirty: Vec<PageRun>,
    /// Numbers of the written stable pages of [`PAGE`] bytes.
    pub(super) stable_dirty: BTreeSet<usize>,
}

impl State {
    /// The state before the first instruction: the data segments in the heap, and `stable`.
    /// Fails if the module wants a larger heap than there can be.
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

    /// An empty stable memory.
    pub fn empty_stable() -> std::io::Result<Image> {
        Image::new(STABLE_MAX)
    }

    /// A view of this state for one message.
    pub fn workspace(&self) -> std::io::Result<Workspace> {
        Ok(Workspace {
            heap: self.heap.map(GUARD_BYTES)?,
            stable: self.stable.map(PAGE)?,
            globals: self.globals.clone(),
            heap_dirty: vec![],
            stable_dirty: Default::default(),
        })
    }

    /// Keeps the changes of a workspace. Returns the bytes of the pages that it wrote.
    pub fn commit(&mut self, workspace: &Workspace) -> std::io::Result<u64> {
        let heap = &workspace.heap_dirty;
        self.heap.commit(&workspace.heap, heap)?;
        self.stable.commit(
            &workspace.stable,
            &runs(workspace.stable_dirty.iter().copied()),
        )?;
        self.globals = workspace.globals.clone();
        let heap_pages: usize = heap.iter().map(|run| run.count).sum();
        let pages = heap_pages + workspace.stable_dirty.len();
        Ok(pages as u64 * PAGE as u64)
    }

    /// A copy that no later message changes.
    pub fn copy(&self) -> std::io::Result<Self> {
        Ok(Self {
            heap: self.heap.copy()?,
            stable: self.stable.copy()?,
            globals: self.globals.clone(),
        })
    }
}

impl Workspace {
    /// Notes which heap pages were written so far.
    pub(super) fn note_dirty(&mut self) -> std::io::Result<()> {
        self.heap_dirty = self.heap.dirty()?;
        Ok(())
    }

    /// Continues with the stable memory of another workspace, its written pages included.
    pub fn take_stable(&mut self, other: &Workspace) {
        self.stable = other.stable.clone();
        self.stable_dirty = other.stable_dirty.clone();
    }
}
