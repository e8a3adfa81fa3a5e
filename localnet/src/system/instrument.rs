//! Rewrites a module so that it counts its instructions, and so that its state can be taken out and put back.
//!
//! - a mutable global holds the instructions that are left; each basic block takes its cost off at its start, and the
//!   start of a function or loop traps once nothing is left;
//! - that global, all other mutable globals, the memory, the first table and the start function are exported under
//!   names that begin with [`PREFIX`];
//! - active data segments are taken out (they become the first image of the memory), and the start function no longer
//!   runs by itself, because an instance is made anew for each message.

use super::memory::WASM_PAGE;
use super::weights::{FUNCTION_ENTRY, weight};
use crate::core::prices;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, DataSection, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, Instruction, RawSection, SectionId, TypeSection, ValType,
};
use wasmparser::{DataKind, Operator, Parser, Payload, TypeRef};

/// Begins the names of all exports that instrumentation adds.
pub const PREFIX: &str = "localnet:";
pub const COUNTER: &str = "localnet:counter";
pub const MEMORY: &str = "localnet:memory";
pub const TABLE: &str = "localnet:table";
pub const START: &str = "localnet:start";

/// The name under which the mutable global of this number is exported.
pub fn global_export(index: u32) -> String {
    format!("{PREFIX}global {index}")
}

/// A rewritten module, and what was taken out of it.
pub struct Instrumented {
    pub module: Vec<u8>,
    /// Offset and bytes of each active data segment, in order.
    pub data: Vec<(u64, Vec<u8>)>,
    /// Indexes of the module's own mutable globals.
    pub mutable_globals: Vec<u32>,
    pub has_memory: bool,
    /// Whether addresses have 64 bits.
    pub memory64: bool,
    pub has_table: bool,
    pub has_start: bool,
    /// Memory pages (64 KiB) at the beginning.
    pub memory_pages: u64,
    /// What compiling is paid by: instructions, 10 more for each function, and those of the stable memory's imports.
    pub complexity: u64,
}

impl Instrumented {
    /// Bytes of the memory at the beginning.
    pub fn memory_bytes(&self) -> usize {
        (self.memory_pages as usize).saturating_mul(WASM_PAGE)
    }
}

#[derive(Debug)]
pub enum InstrumentError {
    Encoding(String),
    /// A data segment whose place isn't constant or isn't inside the memory.
    DataSegment(String),
}

impl<E: std::fmt::Display> From<wasm_encoder::reencode::Error<E>> for InstrumentError {
    fn from(e: wasm_encoder::reencode::Error<E>) -> Self {
        InstrumentError::Encoding(e.to_string())
    }
}

impl From<wasmparser::BinaryReaderError> for InstrumentError {
    fn from(e: wasmparser::BinaryReaderError) -> Self {
        InstrumentError::Encoding(e.to_string())
    }
}

/// Sections of the new module that can't be copied as they are.
#[derive(Default)]
struct Parts<'a> {
    types: TypeSection,
    imports: Option<&'a [u8]>,
    functions: FunctionSection,
    tables: Option<&'a [u8]>,
    memories: Option<&'a [u8]>,
    globals: GlobalSection,
    exports: ExportSection,
    elements: Option<&'a [u8]>,
    data_count: Option<u32>,
    code: CodeSection,
    data: Option<DataSection>,
    imported_functions: u32,
    defined_functions: u32,
    start: Option<u32>,
}

/// Rewrites a module that was validated before.
pub fn instrument(wasm: &[u8]) -> Result<Instrumented, InstrumentError> {
    let mut reencoder = RoundtripReencoder;
    let mut parts = Parts::default();
    let mut out = Instrumented {
        module: vec![],
        data: vec![],
        mutable_globals: vec![],
        has_memory: false,
        memory64: false,
        has_table: false,
        has_start: false,
        memory_pages: 0,
        complexity: 0,
    };
    let counts = count(wasm)?;
    let bulk_type = counts.types;
    let bulk_helper = counts.imported_functions + counts.defined_functions;
    let mut metering = Metering {
        counter: counts.globals,
        bulk_helper,
        memory64: false,
    };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(s) => reencoder.parse_type_section(&mut parts.types, s)?,
            Payload::ImportSection(s) => {
                parts.imports = Some(&wasm[s.range()]);
                parts.imported_functions = counts.imported_functions;
            }
            Payload::FunctionSection(s) => {
                parts.defined_functions = s.count();
                reencoder.parse_function_section(&mut parts.functions, s)?;
            }
            Payload::TableSection(s) => {
                out.has_table = s.count() > 0;
                parts.tables = Some(&wasm[s.range()]);
            }
            Payload::MemorySection(s) => {
                parts.memories = Some(&wasm[s.range()]);
                for memory in s {
                    let memory = memory?;
                    out.has_memory = true;
                    out.memory64 = memory.memory64;
                    metering.memory64 = memory.memory64;
                    out.memory_pages = memory.initial;
                }
            }
            Payload::GlobalSection(s) => {
                for (index, global) in (0u32..).zip(s.clone()) {
                    if global?.ty.mutable {
                        out.mutable_globals.push(index);
                    }
                }
                reencoder.parse_global_section(&mut parts.globals, s)?;
            }
            Payload::ExportSection(s) => reencoder.parse_export_section(&mut parts.exports, s)?,
            Payload::StartSection { func, .. } => parts.start = Some(func),
            Payload::ElementSection(s) => parts.elements = Some(&wasm[s.range()]),
            Payload::DataCountSection { count, .. } => parts.data_count = Some(count),
            Payload::DataSection(s) => {
                parts.data = Some(take_data(s, out.memory_pages, &mut out.data)?)
            }
            Payload::CodeSectionEntry(body) => {
                let operators = body
                    .get_operators_reader()?
                    .into_iter()
                    .collect::<Result<Vec<_>, _>>()?;
                out.complexity += operators.len() as u64 + 10;
                let mut function = reencoder.new_function_with_parsed_locals(&body)?;
                metering.function(&mut reencoder, &mut function, &operators)?;
                parts.code.function(&function);
            }
            _ => {}
        }
    }
    // What instrumentation adds stands behind everything the module has, so that no index changes.
    parts.types.ty().function([ValType::I64], [ValType::I64]);
    parts.functions.function(bulk_type);
    parts.code.function(&metering.bulk_function());
    parts.globals.global(
        GlobalType {
            val_type: ValType::I64,
            mutable: true,
            shared: false,
        },
        &wasm_encoder::ConstExpr::i64_const(0),
    );
    parts
        .exports
        .export(COUNTER, ExportKind::Global, metering.counter);
    for index in &out.mutable_globals {
        parts
            .exports
            .export(&global_export(*index), ExportKind::Global, *index);
    }
    if out.has_memory {
        parts.exports.export(MEMORY, ExportKind::Memory, 0);
    }
    if out.has_table {
        parts.exports.export(TABLE, ExportKind::Table, 0);
    }
    if let Some(start) = parts.start {
        out.has_start = true;
        parts.exports.export(START, ExportKind::Func, start);
    }
    out.module = parts.assemble();
    out.complexity += counts.stable_imports * prices::COMPILE_STABLE_IMPORT;
    Ok(out)
}

impl Parts<'_> {
    fn assemble(self) -> Vec<u8> {
        let mut module = wasm_encoder::Module::new();
        let raw = |module: &mut wasm_encoder::Module, id: SectionId, data: Option<&[u8]>| {
            if let Some(data) = data {
                module.section(&RawSection {
                    id: id.into(),
                    data,
                });
            }
        };
        module.section(&self.types);
        raw(&mut module, SectionId::Import, self.imports);
        module.section(&self.functions);
        raw(&mut module, SectionId::Table, self.tables);
        raw(&mut module, SectionId::Memory, self.memories);
        module.section(&self.globals);
        module.section(&self.exports);
        raw(&mut module, SectionId::Element, self.elements);
        if let Some(count) = self.data_count {
            module.section(&wasm_encoder::DataCountSection { count });
        }
        module.section(&self.code);
        if let Some(data) = &self.data {
            module.section(data);
        }
        module.finish()
    }
}

struct Counts {
    types: u32,
    imported_functions: u32,
    defined_functions: u32,
    globals: u32,
    stable_imports: u64,
}

/// Imports for which an official server compiles functions of its own.
const COMPILED_IMPORTS: [&str; 6] = [
    "stable_grow",
    "stable_read",
    "stable_write",
    "stable64_grow",
    "stable64_read",
    "stable64_write",
];

/// How many of each the module has: what is added gets the next index.
fn count(wasm: &[u8]) -> Result<Counts, InstrumentError> {
    let mut counts = Counts {
        types: 0,
        imported_functions: 0,
        defined_functions: 0,
        globals: 0,
        stable_imports: 0,
    };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(s) => {
                for group in s {
                    counts.types += group?.types().len() as u32;
                }
            }
            Payload::ImportSection(s) => {
                for import in s.into_imports() {
                    let import = import?;
                    if let TypeRef::Func(_) = import.ty {
                        counts.imported_functions += 1;
                        counts.stable_imports += u64::from(COMPILED_IMPORTS.contains(&import.name));
                    }
                }
            }
            Payload::FunctionSection(s) => counts.defined_functions = s.count(),
            Payload::GlobalSection(s) => counts.globals = s.count(),
            _ => {}
        }
    }
    Ok(counts)
}

/// Takes the active segments out; in their place stand empty ones, so that the numbers of the others stay.
fn take_data(
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

/// The value of a constant expression of integer arithmetic, which validation has found to be of one width.
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

struct Metering {
    /// Index of the global that holds what is left.
    counter: u32,
    /// Index of the function that charges for bulk operations by their size.
    bulk_helper: u32,
    /// Whether sizes of memory operations have 64 bits.
    memory64: bool,
}

/// Where a basic block starts and what it costs.
struct Block {
    /// Index of the operator before which it starts.
    start: usize,
    cost: u64,
    /// The start of a function or of a loop: the only places where execution can come again and again.
    checked: bool,
}

impl Metering {
    fn function(
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

    /// `(param size) -> size`: charges 1 for each byte of a bulk operation, whose size is on the top of the stack.
    fn bulk_function(&self) -> Function {
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

/// How wide the size of a bulk operation is.
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

/// Cuts a function into basic blocks; a call does not end one.
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
