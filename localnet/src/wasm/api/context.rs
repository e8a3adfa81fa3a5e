//! The parts that all system functions share: checks, charges, and copies to and from the heap.

use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use crate::wasm::mode::Mode;
use candid::Principal;
use wasmtime::{Caller, Memory};

/// The overhead of most system functions, in instructions.
pub const COMMON: u64 = 500;

pub type Ctx<'a> = Caller<'a, Host>;
pub type Res<T> = wasmtime::Result<T>;

/// The type `I` of the specification: places and sizes in the heap, as wide as the addresses of the
/// module's memory.
pub trait Pointer: wasmtime::WasmTy + Into<u64> + Copy {
    /// Converts a size that fits, because the bytes come from this network.
    fn of(size: usize) -> Self;
}

impl Pointer for u32 {
    fn of(size: usize) -> Self {
        size as u32
    }
}

impl Pointer for u64 {
    fn of(size: usize) -> Self {
        size as u64
    }
}

/// The first step of every function: fails outside the allowed modes, and charges its instructions.
pub fn enter(ctx: &mut Ctx, name: &str, allowed: &[Mode], cost: u64) -> Res<()> {
    ctx.data().allow(name, allowed)?;
    charge(ctx, cost)
}

/// The instructions of a function that also charges for each byte.
pub fn by_size(fixed: u64, byte: u64, size: impl Into<u64>) -> u64 {
    fixed.saturating_add(byte.saturating_mul(size.into()))
}

/// Subtracts instructions from the counter. Fails at the limit.
pub fn charge(ctx: &mut Ctx, cost: u64) -> Res<()> {
    let parts = ctx
        .data()
        .parts
        .expect("BUG: a system call before the instance is ready");
    let left = parts.counter.get(&mut *ctx).i64().unwrap_or(0);
    let left = left.saturating_sub(i64::try_from(cost).unwrap_or(i64::MAX));
    parts.counter.set(&mut *ctx, wasmtime::Val::I64(left))?;
    if left < 0 {
        return Err(Fault::InstructionLimit(ctx.data().instruction_limit).into());
    }
    Ok(())
}

/// The heap. Fails if the module has none.
pub fn memory(ctx: &Ctx) -> Result<Memory, Fault> {
    ctx.data()
        .parts
        .and_then(|p| p.memory)
        .ok_or_else(|| Fault::Contract("WebAssembly module must define memory".into()))
}

/// A range of `size` bytes. Fails if it ends beyond them.
pub fn range(
    what: &str,
    start: u64,
    length: u64,
    size: usize,
) -> Result<std::ops::Range<usize>, Fault> {
    match start.checked_add(length) {
        Some(end) if end <= size as u64 => Ok(start as usize..end as usize),
        _ => Err(Fault::Contract(format!(
            "{what}: src={start} + length={length} exceeds the slice size={size}"
        ))),
    }
}

/// Bytes of the heap. Fails outside of it.
pub fn read<'a>(
    ctx: &'a Ctx,
    what: &str,
    start: impl Into<u64>,
    length: impl Into<u64>,
) -> Result<&'a [u8], Fault> {
    let data = memory(ctx)?.data(ctx);
    Ok(&data[range(what, start.into(), length.into(), data.len())?])
}

/// Copies bytes to the heap. Fails outside of it.
pub fn write(ctx: &mut Ctx, what: &str, start: impl Into<u64>, bytes: &[u8]) -> Res<()> {
    let data = memory(ctx)?.data_mut(&mut *ctx);
    let range = range(what, start.into(), bytes.len() as u64, data.len())?;
    data[range].copy_from_slice(bytes);
    Ok(())
}

/// The work of `…_copy(dst, offset, size)`: copies a part of `bytes` to the heap. Fails outside of
/// the bytes or of the heap.
pub fn copy_out<I: Pointer>(
    ctx: &mut Ctx,
    what: &str,
    bytes: &[u8],
    dst: I,
    offset: I,
    size: I,
) -> Res<()> {
    let part = &bytes[range(
        &format!("ic0.{what} payload"),
        offset.into(),
        size.into(),
        bytes.len(),
    )?];
    write(ctx, &format!("ic0.{what} heap"), dst, part)
}

/// Writes an amount of cycles as 16 bytes, little-endian.
pub fn write_amount(ctx: &mut Ctx, what: &str, dst: impl Into<u64>, amount: u128) -> Res<()> {
    write(ctx, &format!("ic0.{what} heap"), dst, &amount.to_le_bytes())
}

/// The 128-bit amount of two halves.
pub fn amount(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// An amount for the older 64-bit functions. Fails if it does not fit.
pub fn low64(what: &str, amount: u128) -> Result<u64, Fault> {
    u64::try_from(amount).map_err(|_| {
        Fault::Contract(format!(
            "ic0_{what} failed because the amount {amount} exceeds 64 bits"
        ))
    })
}

/// The principal of some bytes. Fails above 29 bytes.
pub fn principal(bytes: &[u8]) -> Result<Principal, Fault> {
    Principal::try_from_slice(bytes).map_err(|_| Fault::InvalidPrincipal)
}
