//! Counts the types, functions and globals of a module before it is rewritten.

use super::output::InstrumentError;
use wasmparser::{Parser, Payload, TypeRef};

pub struct Counts {
    pub types: u32,
    pub imported_functions: u32,
    pub defined_functions: u32,
    pub globals: u32,
    pub stable_imports: u64,
}

/// The imports for which an official server compiles a function each.
const COMPILED_IMPORTS: [&str; 6] = [
    "stable_grow",
    "stable_read",
    "stable_write",
    "stable64_grow",
    "stable64_read",
    "stable64_write",
];

/// Counts the items of a module. Items that instrumentation adds get the next index.
pub fn count(wasm: &[u8]) -> Result<Counts, InstrumentError> {
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
