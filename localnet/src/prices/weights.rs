//! The cost of each WebAssembly instruction, in instructions as the IC counts them.
//!
//! The numbers were read off an official server. A few instructions were not measured; they cost
//! as much as similar ones.

use wasmparser::Operator;

/// The cost of entering a function.
pub const FUNCTION_ENTRY: u64 = 1;
/// The fixed cost of `memory.fill`, `memory.copy` and similar instructions. Each byte or table
/// entry costs 1 more.
const BULK_BASE: u64 = 100;

/// The cost that an instruction adds to its basic block.
pub fn weight(op: &Operator) -> u64 {
    use Operator::*;
    match op {
        Block { .. } | Loop { .. } | Else | End | TryTable { .. } => 0,
        If { .. } | Br { .. } | BrIf { .. } | BrTable { .. } => 2,
        GlobalGet { .. } | GlobalSet { .. } => 2,
        Call { .. } | ReturnCall { .. } | TableGet { .. } | TableSet { .. } | RefIsNull => 5,
        CallIndirect { .. } | ReturnCallIndirect { .. } => 10,
        MemorySize { .. } => 20,
        MemoryGrow { .. } => 300,
        MemoryFill { .. }
        | MemoryCopy { .. }
        | MemoryInit { .. }
        | TableFill { .. }
        | TableCopy { .. }
        | TableInit { .. } => BULK_BASE,
        DataDrop { .. } | ElemDrop { .. } => 300,
        TableSize { .. } => 100,
        RefFunc { .. } => 130,
        I32DivS | I32DivU | I32RemS | I32RemU | I64DivS | I64DivU | I64RemS | I64RemU => 10,
        F32Add | F32Sub | F32Mul | F64Add | F64Sub | F64Mul => 2,
        F32Div => 3,
        F64Div => 5,
        F32Min | F32Max | F64Min | F64Max => 18,
        F32Copysign => 2,
        F64Copysign => 3,
        F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge => 3,
        F64Eq | F64Ne | F64Lt | F64Gt | F64Le | F64Ge => 3,
        F32Sqrt => 5,
        F64Sqrt => 8,
        F32Ceil | F32Floor | F32Trunc | F32Nearest => 2,
        F64Ceil | F64Floor | F64Trunc | F64Nearest => 2,
        F32ConvertI32S | F32ConvertI32U | F32ConvertI64S | F32ConvertI64U => 3,
        F64ConvertI32S | F64ConvertI32U | F64ConvertI64S | F64ConvertI64U => 3,
        I64TruncSatF32S | I64TruncSatF32U | I64TruncSatF64S | I64TruncSatF64U => 20,
        I32TruncSatF32S | I32TruncSatF32U | I32TruncSatF64S | I32TruncSatF64U => 20,
        I64TruncF32S | I64TruncF32U | I64TruncF64S | I64TruncF64U => 20,
        I32TruncF32S | I32TruncF32U | I32TruncF64S | I32TruncF64U => 20,
        I32x4Mul => 2,
        F64x2Sqrt => 14,
        F32x4Sqrt => 14,
        F64x2Div | F32x4Div => 12,
        I8x16Shuffle { .. } => 3,
        _ => 1,
    }
}
