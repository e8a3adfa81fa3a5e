//! What all system functions share: charging, and copying to and from the heap.

use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use crate::wasm::mode::Mode;
use candid::Principal;
use wasmtime::{Caller, Memory};

/// Overhead of most system functions, instructions.
pub const COMMON: u64 = 500;

pub type Ctx<'a> = Caller<'a, Host>;
pub type Res<T> = wasmtime::Result<T>;

/// What the specification calls `I`: places and sizes in the heap, as wide as the addresses of the module's memory.
pub trait Pointer: wasmtime::WasmTy + Into<u64> + Copy {
    /// A size that is known to fit, because the bytes were given by this network.
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

/// The first step of every function.
pub fn enter(ctx: &mut Ctx, name: &str, allowed: &[Mode], cost: u64) -> Res<()> {
    ctx.data().allow(name, allowed)?;
    charge(ctx, cost)
}

/// Instructions of a function that also pays for each byte.
pub fn by_size(fixed: u64, byte: u64, size: impl Into<u64>) -> u64 {
    fixed.saturating_add(byte.saturating_mul(size.into()))
}

/// Takes instructions off the counter.
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

pub fn memory(ctx: &Ctx) -> Result<Memory, Fault> {
    ctx.data()
        .parts
        .and_then(|p| p.memory)
        .ok_or_else(|| Fault::Contract("WebAssembly module must define memory".into()))
}

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

/// Bytes of the heap.
pub fn read<'a>(
    ctx: &'a Ctx,
    what: &str,
    start: impl Into<u64>,
    length: impl Into<u64>,
) -> Result<&'a [u8], Fault> {
    let data = memory(ctx)?.data(ctx);
    Ok(&data[range(what, start.into(), length.into(), data.len())?])
}

/// Copies to the heap.
pub fn write(ctx: &mut Ctx, what: &str, start: impl Into<u64>, bytes: &[u8]) -> Res<()> {
    let data = memory(ctx)?.data_mut(&mut *ctx);
    let range = range(what, start.into(), bytes.len() as u64, data.len())?;
    data[range].copy_from_slice(bytes);
    Ok(())
}

/// `…_copy(dst, offset, size)`: a part of some bytes to the heap.
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

pub fn amount(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// An amount as the older 64-bit functions tell it; more than fits is the canister's fault.
pub fn low64(what: &str, amount: u128) -> Result<u64, Fault> {
    u64::try_from(amount).map_err(|_| {
        Fault::Contract(format!(
            "ic0_{what} failed because the amount {amount} exceeds 64 bits"
        ))
    })
}

pub fn principal(bytes: &[u8]) -> Result<Principal, Fault> {
    Principal::try_from_slice(bytes).map_err(|_| Fault::InvalidPrincipal)
}
