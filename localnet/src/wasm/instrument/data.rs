//! Takes the active data segments out of a module.

use super::output::InstrumentError;
use crate::wasm::memory::WASM_PAGE;
use wasm_encoder::DataSection;
use wasmparser::{DataKind, Operator};

/// Takes the active segments out. Empty ones replace them, so that the numbers of the others stay.
///
/// Fails if the place of a segment is not constant or not inside the memory.
pub fn take_data(
    section: wasmparser::DataSectionReader,
    memory_pages: u64,
    taken: &mut Vec<(u64, Vec<u8>)>,
) -> Result<DataSection, InstrumentError> {
    let mut out = DataSection::new();
    for segment in section {
        let segment = segment?;
        match segment.kind {
            DataKind::Passive => {
                out.passive(segment.data.iter().copied());
            }
            DataKind::Active { offset_expr, .. } => {
                let offset = constant(&offset_expr)?;
                let length = segment.data.len() as u64;
                if offset
                    .checked_add(length)
                    .is_none_or(|end| end > memory_pages.saturating_mul(WASM_PAGE as u64))
                {
                    return Err(InstrumentError::DataSegment(format!(
                        "{length} bytes at {offset}"
                    )));
                }
                taken.push((offset, segment.data.to_vec()));
                out.passive(std::iter::empty());
            }
        }
    }
    Ok(out)
}

/// The value of a constant expression of integers. Validation has made sure that all have one
/// width.
fn constant(expr: &wasmparser::ConstExpr) -> Result<u64, InstrumentError> {
    let mut stack: Vec<u64> = vec![];
    for op in expr.get_operators_reader() {
        let mut two = |f: fn(u64, u64) -> u64, mask: u64| {
            let (b, a) = (stack.pop().unwrap_or(0), stack.pop().unwrap_or(0));
            stack.push(f(a, b) & mask);
        };
        const NARROW: u64 = u32::MAX as u64;
        match op? {
            Operator::I32Const { value } => stack.push((value as u32).into()),
            Operator::I32Add => two(u64::wrapping_add, NARROW),
            Operator::I32Sub => two(u64::wrapping_sub, NARROW),
            Operator::I32Mul => two(u64::wrapping_mul, NARROW),
            Operator::I64Const { value } => stack.push(value as u64),
            Operator::I64Add => two(u64::wrapping_add, u64::MAX),
            Operator::I64Sub => two(u64::wrapping_sub, u64::MAX),
            Operator::I64Mul => two(u64::wrapping_mul, u64::MAX),
            Operator::End => {}
            other => {
                return Err(InstrumentError::DataSegment(format!(
                    "an offset that is not a constant ({other:?})"
                )));
            }
        }
    }
    Ok(stack.pop().unwrap_or(0))
}
