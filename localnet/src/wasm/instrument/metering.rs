//! The code that counts instructions.

use super::output::InstrumentError;
use crate::prices::{FUNCTION_ENTRY, weight};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Function, Instruction};
use wasmparser::Operator;

/// Adds the counting code to functions.
pub struct Metering {
    /// The index of the global that holds the instructions that are left.
    pub counter: u32,
    /// The index of the function that charges for bulk operations by their size.
    pub bulk_helper: u32,
    /// Whether sizes of memory operations have 64 bits.
    pub memory64: bool,
}

/// A basic block.
struct Block {
    /// The index of its first operator.
    start: usize,
    cost: u64,
    /// Whether it starts a function or a loop. Execution can come back only to these, so only they
    /// check the counter.
    checked: bool,
}

impl Metering {
    /// Copies the operators of a function and adds the counting code.
    pub fn function(
        &self,
        reencoder: &mut RoundtripReencoder,
        function: &mut Function,
        operators: &[Operator],
    ) -> Result<(), InstrumentError> {
        let mut blocks = blocks(operators).into_iter().peekable();
        for (index, op) in operators.iter().enumerate() {
            while let Some(block) = blocks.next_if(|b| b.start == index) {
                self.charge(function, &block);
            }
            match bulk_size(op, self.memory64) {
                Some(BulkSize::Wide) => {
                    function.instruction(&Instruction::Call(self.bulk_helper));
                }
                Some(BulkSize::Narrow) => {
                    function
                        .instruction(&Instruction::I64ExtendI32U)
                        .instruction(&Instruction::Call(self.bulk_helper))
                        .instruction(&Instruction::I32WrapI64);
                }
                None => {}
            }
            function.instruction(&reencoder.instruction(op.clone())?);
        }
        Ok(())
    }

    fn charge(&self, function: &mut Function, block: &Block) {
        if block.cost > 0 {
            function
                .instruction(&Instruction::GlobalGet(self.counter))
                .instruction(&Instruction::I64Const(block.cost as i64))
                .instruction(&Instruction::I64Sub)
                .instruction(&Instruction::GlobalSet(self.counter));
        }
        if block.checked {
            self.check(function);
        }
    }

    fn check(&self, function: &mut Function) {
        function
            .instruction(&Instruction::GlobalGet(self.counter))
            .instruction(&Instruction::I64Const(0))
            .instruction(&Instruction::I64LtS)
            .instruction(&Instruction::If(wasm_encoder::BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End);
    }

    /// `(param size) -> size`: charges 1 for each byte of a bulk operation. The operation's size is
    /// on top of the stack.
    pub fn bulk_function(&self) -> Function {
        let mut function = Function::new([]);
        function
            .instruction(&Instruction::GlobalGet(self.counter))
            .instruction(&Instruction::LocalGet(0))
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::GlobalSet(self.counter));
        self.check(&mut function);
        function
            .instruction(&Instruction::LocalGet(0))
            .instruction(&Instruction::End);
        function
    }
}

/// The width of a bulk operation's size.
enum BulkSize {
    Narrow,
    Wide,
}

fn bulk_size(op: &Operator, memory64: bool) -> Option<BulkSize> {
    match op {
        Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } if memory64 => {
            Some(BulkSize::Wide)
        }
        Operator::MemoryFill { .. }
        | Operator::MemoryCopy { .. }
        | Operator::MemoryInit { .. }
        | Operator::TableFill { .. }
        | Operator::TableCopy { .. }
        | Operator::TableInit { .. } => Some(BulkSize::Narrow),
        _ => None,
    }
}

/// Cuts a function into basic blocks. A call does not end one.
fn blocks(operators: &[Operator]) -> Vec<Block> {
    let mut out = vec![];
    let mut current = Block {
        start: 0,
        cost: FUNCTION_ENTRY,
        checked: true,
    };
    for (index, op) in operators.iter().enumerate() {
        current.cost += weight(op);
        let ends = matches!(
            op,
            Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Else
                | Operator::End
                | Operator::Br { .. }
                | Operator::BrIf { .. }
                | Operator::BrTable { .. }
                | Operator::Return
                | Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::Unreachable
        );
        if ends {
            let next = Block {
                start: index + 1,
                cost: 0,
                checked: matches!(op, Operator::Loop { .. }),
            };
            out.push(std::mem::replace(&mut current, next));
        }
    }
    out.retain(|b| b.start < operators.len() && (b.cost > 0 || b.checked));
    out
}
