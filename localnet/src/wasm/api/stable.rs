//! Stable memory: the functions of 64 bits, and the older ones of 32 bits on the same memory.

use super::context::{Ctx, Res, charge, enter, memory, range};
use super::modes;
use crate::prices;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use crate::wasm::memory::{Mapping, WASM_PAGE};
use std::sync::Arc;
use wasmtime::Linker;

/// The fixed cost of reading or writing, in instructions. Each byte costs 1 more.
const ACCESS: u64 = 20;
/// The cost of growing, in instructions.
const GROW: u64 = 100;
/// The most pages for the 32-bit functions: 4 GiB.
const MAX_32: u64 = 65_536;

pub fn define(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap("ic0", "stable64_size", |mut c: Ctx<'_>| -> Res<u64> {
        enter(&mut c, "stable64_size", modes::ANY, 0)?;
        Ok(pages(&c))
    })?;
    linker.func_wrap(
        "ic0",
        "stable64_grow",
        |mut c: Ctx<'_>, new: u64| -> Res<u64> {
            enter(&mut c, "stable64_grow", modes::ANY, GROW)?;
            Ok(grow(&mut c, new)?.unwrap_or(u64::MAX))
        },
    )?;
    linker.func_wrap(
        "ic0",
        "stable64_read",
        |mut c: Ctx<'_>, dst: u64, offset: u64, size: u64| -> Res<()> {
            enter(
                &mut c,
                "stable64_read",
                modes::ANY,
                ACCESS.saturating_add(size),
            )?;
            load(&mut c, dst, offset, size)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "stable64_write",
        |mut c: Ctx<'_>, offset: u64, src: u64, size: u64| -> Res<()> {
            enter(
                &mut c,
                "stable64_write",
                modes::ANY,
                ACCESS.saturating_add(size),
            )?;
            store(&mut c, offset, src, size)
        },
    )?;
    linker.func_wrap("ic0", "stable_size", |mut c: Ctx<'_>| -> Res<u32> {
        enter(&mut c, "stable_size", modes::ANY, 0)?;
        small(&c)?;
        Ok(pages(&c) as u32)
    })?;
    linker.func_wrap(
        "ic0",
        "stable_grow",
        |mut c: Ctx<'_>, new: u32| -> Res<u32> {
            enter(&mut c, "stable_grow", modes::ANY, GROW)?;
            small(&c)?;
            if pages(&c) + u64::from(new) > MAX_32 {
                return Ok(u32::MAX);
            }
            Ok(grow(&mut c, new.into())?.map_or(u32::MAX, |old| old as u32))
        },
    )?;
    linker.func_wrap(
        "ic0",
        "stable_read",
        |mut c: Ctx<'_>, dst: u32, offset: u32, size: u32| -> Res<()> {
            enter(&mut c, "stable_read", modes::ANY, ACCESS + u64::from(size))?;
            small(&c)?;
            load(&mut c, dst.into(), offset.into(), size.into())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "stable_write",
        |mut c: Ctx<'_>, offset: u32, src: u32, size: u32| -> Res<()> {
            enter(&mut c, "stable_write", modes::ANY, ACCESS + u64::from(size))?;
            small(&c)?;
            store(&mut c, offset.into(), src.into(), size.into())
        },
    )?;
    Ok(())
}

fn mapping(c: &Ctx) -> Arc<Mapping> {
    let stable = &c.data().stable;
    stable.clone().expect("BUG: no stable memory in this run")
}

fn pages(c: &Ctx) -> u64 {
    (mapping(c).size() / WASM_PAGE) as u64
}

fn small(c: &Ctx) -> Result<(), Fault> {
    if pages(c) > MAX_32 {
        return Err(Fault::Trapped(
            "32 bit stable memory api used on a memory larger than 4GB",
        ));
    }
    Ok(())
}

/// Grows by `new` pages. Returns the former size in pages, or `None` above the capacity and beyond
/// the memory allocation. Fails if the canister lacks the cycles.
fn grow(c: &mut Ctx, new: u64) -> Res<Option<u64>> {
    let stable = mapping(c);
    let old = pages(c);
    let capacity = (stable.capacity() / WASM_PAGE) as u64;
    let Some(total) = old.checked_add(new).filter(|t| *t <= capacity) else {
        return Ok(None);
    };
    let bytes = new * WASM_PAGE as u64;
    let host = c.data_mut();
    let before = host.heap_size.unwrap_or(0) + stable.size() as u64;
    if bytes > 0 {
        match host.pay_growth(before, bytes) {
            Err(Fault::OutOfMemory) => return Ok(None),
            paid => paid?,
        }
    }
    stable.grow_to(total as usize * WASM_PAGE)?;
    Ok(Some(old))
}

fn bounds(c: &Ctx, offset: u64, size: u64) -> Result<(), Fault> {
    match offset.checked_add(size) {
        Some(end) if end <= mapping(c).size() as u64 => Ok(()),
        _ => Err(Fault::Trapped("stable memory out of bounds")),
    }
}

fn heap_range(start: u64, size: u64, heap: usize) -> Result<std::ops::Range<usize>, Fault> {
    range("ic0.stable_access heap", start, size, heap)
        .map_err(|_| Fault::Trapped("heap out of bounds"))
}

/// Records touched pages. Returns how many of them this run writes for the first time. Fails above
/// the limit of written or of touched pages.
fn touch(c: &mut Ctx, offset: u64, size: u64, write: bool) -> Result<u64, Fault> {
    let host = c.data_mut();
    let limit = host.mode.stable_access_limit();
    host.stable_touched.touch(limit, offset, size, write)
}

fn load(c: &mut Ctx, dst: u64, offset: u64, size: u64) -> Res<()> {
    if size == 0 {
        return Ok(());
    }
    bounds(c, offset, size)?;
    touch(c, offset, size, false)?;
    c.data_mut().stable_read_bytes += size;
    let stable = mapping(c);
    let heap = memory(c)?.data_mut(&mut *c);
    let range = heap_range(dst, size, heap.len())?;
    heap[range].copy_from_slice(stable.bytes(offset as usize, size as usize));
    Ok(())
}

fn store(c: &mut Ctx, offset: u64, src: u64, size: u64) -> Res<()> {
    if size == 0 {
        return Ok(());
    }
    bounds(c, offset, size)?;
    let stable = mapping(c);
    let heap = memory(c)?.data(&*c);
    let range = heap_range(src, size, heap.len())?;
    let fresh = touch(c, offset, size, true)?;
    let heap = memory(c)?.data(&*c);
    stable.write(offset as usize, &heap[range]);
    c.data_mut().stable_written_bytes += size;
    charge(c, fresh * prices::STABLE_DIRTY_PAGE)
}
