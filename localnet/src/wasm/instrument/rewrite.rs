//! Puts the new module together, section by section.

use super::count::count;
use super::data::take_data;
use super::metering::Metering;
use super::names::{COUNTER, MEMORY, START, TABLE, global_export};
use super::output::{InstrumentError, Instrumented};
use crate::prices;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, DataSection, ExportKind, ExportSection, FunctionSection, GlobalSection,
    GlobalType, RawSection, SectionId, TypeSection, ValType,
};
use wasmparser::{Parser, Payload};

/// The sections of the new module.
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

/// Rewrites a valid module. Fails at a data segment that is out of place.
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
    // Added items come after those of the module, so that no index changes.
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
