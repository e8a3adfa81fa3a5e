//! Growing memories: limits, cycles, and reservations.

use super::fault::Fault;
use super::host::Host;
use super::memory::HEAP_MAX_64;
use crate::prices;
use wasmtime::ResourceLimiter;

/// The most elements of a table. An official server accepts 600,000 and refuses ten million.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

impl Host {
    /// Lets the heap grow from `current` to `desired` bytes. Fails above the limit in the settings,
    /// beyond the memory allocation, and if the canister lacks the cycles to keep it.
    pub fn may_grow_heap(&mut self, current: u64, desired: u64) -> Result<(), Fault> {
        if let Some(limit) = self.wasm_memory_limit
            && desired > limit
        {
            return Err(Fault::MemoryLimit {
                limit,
                wanted: desired,
            });
        }
        let stable = self.stable.as_ref().map_or(0, |s| s.size()) as u64;
        self.pay_growth(current + stable, desired - current)?;
        self.heap_size = Some(desired);
        Ok(())
    }

    /// Reserves cycles for `bytes` more than `before` bytes of heap and stable memory. Fails beyond
    /// the memory allocation, above the limit of reserved cycles, and if the canister would freeze.
    pub fn pay_growth(&mut self, before: u64, bytes: u64) -> Result<(), Fault> {
        let funds = &mut self.funds;
        let used = before + funds.other_memory;
        if funds.memory_allocation > 0 {
            // the allocation is paid already, and nothing beyond it is allowed
            return match used + bytes <= funds.memory_allocation {
                true => Ok(()),
                false => Err(Fault::OutOfMemory),
            };
        }
        if !self.mode.is_replicated() {
            return Ok(());
        }
        let reservation = prices::reservation(used, bytes);
        if reservation > 0 && funds.reserved + reservation > funds.reserved_limit {
            return Err(Fault::ReservedCycles {
                bytes,
                limit: funds.reserved_limit,
                wanted: funds.reserved + reservation,
            });
        }
        let mut after = funds.clone();
        after.reserved += reservation;
        let needed = reservation + after.freezing_reserve(before + bytes);
        if needed > funds.balance {
            return Err(Fault::GrowCycles {
                bytes,
                missing: needed - funds.balance,
            });
        }
        funds.balance -= reservation;
        funds.reserved += reservation;
        Ok(())
    }
}

/// The engine asks here before it grows a memory or a table.
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
