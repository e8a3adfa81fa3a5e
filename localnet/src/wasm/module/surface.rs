//! The imports, exports and metadata of a module, and the limits on them.

use super::error::ModuleError;
use crate::wasm::linker::signature;
use std::collections::{BTreeMap, HashMap};
use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef};

const MAX_FUNCTIONS: u32 = 50_000;
const MAX_GLOBALS: u32 = 1_000;
const MAX_METHODS: usize = 1_000;
const MAX_METHOD_NAME_BYTES: usize = 20_000;
const MAX_METADATA_SECTIONS: usize = 16;

/// How a method can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    Update,
    Query,
    CompositeQuery,
}

/// The parts of a module that the outside sees.
#[derive(Default)]
pub struct Surface {
    pub methods: HashMap<String, MethodKind>,
    pub hooks: Vec<String>,
    pub metadata: BTreeMap<String, (bool, Vec<u8>)>,
    types: Vec<wasmparser::FuncType>,
    functions: Vec<u32>,
    memory64: bool,
    /// The error of the first import that nothing defines.
    undefined: Option<ModuleError>,
}

fn wrong(e: wasmparser::BinaryReaderError) -> ModuleError {
    ModuleError::invalid(e)
}

/// Whether the module's memory has addresses of 64 bits. The types of its imports depend on that.
fn has_memory64(wasm: &[u8]) -> Result<bool, ModuleError> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::MemorySection(s) = payload.map_err(wrong)?
            && let Some(memory) = s.into_iter().next()
        {
            return Ok(memory.map_err(wrong)?.memory64);
        }
    }
    Ok(false)
}

const HOOKS: [&str; 8] = [
    "canister_init",
    "canister_inspect_message",
    "canister_heartbeat",
    "canister_global_timer",
    "canister_pre_upgrade",
    "canister_post_upgrade",
    "canister_on_low_wasm_memory",
    "canister_start",
];

impl Surface {
    /// Reads a valid module. Fails above a limit, and at an import or export that the IC refuses.
    pub fn read(wasm: &[u8]) -> Result<Self, ModuleError> {
        let mut out = Self {
            memory64: has_memory64(wasm)?,
            ..Self::default()
        };
        let mut defined = 0;
        let mut bodies = 0;
        let mut metadata_sections = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(wrong)? {
                Payload::TypeSection(s) => {
                    for ty in s.into_iter_err_on_gc_types() {
                        out.types.push(ty.map_err(wrong)?);
                    }
                }
                Payload::ImportSection(s) => {
                    for import in s.into_imports() {
                        out.import(import.map_err(wrong)?)?;
                    }
                }
                Payload::FunctionSection(s) => {
                    defined = s.count();
                    for ty in s {
                        out.functions.push(ty.map_err(wrong)?);
                    }
                }
                Payload::TableSection(s) => {
                    for table in s {
                        if table.map_err(wrong)?.ty.table64 {
                            return Err(ModuleError::invalid(
                                "tables with indexes of 64 bits are not supported",
                            ));
                        }
                    }
                }
                Payload::GlobalSection(s) if s.count() > MAX_GLOBALS => {
                    return Err(ModuleError::avoidable(
                        format!(
                            "Wasm module defined {} globals which exceeds the maximum number \
                             allowed {MAX_GLOBALS}.",
                            s.count()
                        ),
                        "Try collecting multiple globals into a single structured which can be \
                         stored on the heap.",
                        "wasm-module-too-many-globals",
                    ));
                }
                Payload::ExportSection(s) => {
                    for export in s {
                        out.export(&export.map_err(wrong)?)?;
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let index = bodies;
                    bodies += 1;
                    for op in body.get_operators_reader().map_err(wrong)? {
                        if let Operator::TableGrow { .. } = op.map_err(wrong)? {
                            return Err(ModuleError::invalid(format!(
                                "Wasm module contains a function at index {index} with unsupported \
                                 instruction table.grow."
                            )));
                        }
                    }
                }
                Payload::CustomSection(s) => {
                    metadata_sections += usize::from(out.custom(&s)?);
                }
                _ => {}
            }
        }
        if defined > MAX_FUNCTIONS {
            return Err(ModuleError::avoidable(
                format!(
                    "Wasm module defined {defined} functions which exceeds the maximum number \
                     allowed {MAX_FUNCTIONS}."
                ),
                // the IC spells it like that
                "Try spliting this canister into multiple canisters.",
                "wasm-module-too-many-functions",
            ));
        }
        const NAMES: &str = "`canister_update <name>`, `canister_query <name>`, or \
            `canister_composite_query <name>`";
        if out.methods.len() > MAX_METHODS {
            return Err(ModuleError::avoidable(
                format!(
                    "The number of exported functions called {NAMES} is {} which exceeds \
                     {MAX_METHODS}.",
                    out.methods.len()
                ),
                "Try combining multiple endpoints into a single endpoint.",
                "wasm-module-exports-too-many-methods",
            ));
        }
        let bytes: usize = out.methods.keys().map(String::len).sum();
        if bytes > MAX_METHOD_NAME_BYTES {
            return Err(ModuleError::avoidable(
                format!(
                    "The sum of `<name>` lengths in exported functions called {NAMES} is {bytes} \
                     which exceeds the allowed limit of {MAX_METHOD_NAME_BYTES}."
                ),
                "Try using shorter method names.",
                "wasm-module-sum-of-exported-name-lengths-too-large",
            ));
        }
        if metadata_sections > MAX_METADATA_SECTIONS {
            return Err(ModuleError::invalid(format!(
                "Wasm module defined {metadata_sections} custom sections which exceeds the maximum \
                 number allowed {MAX_METADATA_SECTIONS}."
            )));
        }
        match out.undefined.take() {
            Some(error) => Err(error),
            None => Ok(out),
        }
    }

    fn import(&mut self, import: wasmparser::Import) -> Result<(), ModuleError> {
        let (module, name) = (import.module, import.name);
        let refused = |what: &str| {
            ModuleError::invalid(format!("Wasm module has an invalid import section. {what}"))
        };
        let undefined = || {
            ModuleError::engine(format!(
                "Failed to instantiate module: unknown import: `{module}::{name}` has not been \
                 defined"
            ))
        };
        let ty = match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => ty,
            TypeRef::Global(_) => return Err(refused("Importing globals is not allowed.")),
            TypeRef::Tag(_) => return Err(refused("Importing tags is not allowed.")),
            TypeRef::Memory(_) if name == "memory" && module != "env" => {
                return Err(refused("Only memory imported from env.memory is allowed."));
            }
            TypeRef::Table(_) if name == "table" && module != "env" => {
                return Err(refused("Only tables imported from env.table are allowed."));
            }
            // an official server finds out only when it makes an instance
            TypeRef::Memory(_) | TypeRef::Table(_) => {
                self.undefined.get_or_insert_with(undefined);
                return Ok(());
            }
        };
        self.functions.push(ty);
        let Some((params, results)) = signature(self.memory64, module, name) else {
            return Err(ModuleError::invalid(format!(
                "Wasm module has an invalid import section. Module imports function '{name}' from \
                 '{module}' that is not exported by the runtime."
            )));
        };
        let found = &self.types[ty as usize];
        self.check_signature(name, found, &params, &results)
    }

    fn check_signature(
        &self,
        name: &str,
        found: &wasmparser::FuncType,
        params: &[wasmparser::ValType],
        results: &[wasmparser::ValType],
    ) -> Result<(), ModuleError> {
        let words = |types: &[wasmparser::ValType]| {
            let names: Vec<String> = types.iter().map(|t| t.to_string().to_uppercase()).collect();
            format!("[{}]", names.join(", "))
        };
        for (what, want, got) in [
            ("input params", params, found.params()),
            ("return type", results, found.results()),
        ] {
            if want != got {
                return Err(ModuleError::invalid(format!(
                    "Wasm module has an invalid function signature. Expected {what} {} for \
                     '{name}', got {}.",
                    words(want),
                    words(got)
                )));
            }
        }
        Ok(())
    }

    fn export(&mut self, export: &wasmparser::Export) -> Result<(), ModuleError> {
        let name = export.name;
        let method = [
            ("canister_update ", MethodKind::Update),
            ("canister_query ", MethodKind::Query),
            ("canister_composite_query ", MethodKind::CompositeQuery),
        ]
        .into_iter()
        .find_map(|(prefix, kind)| Some((name.strip_prefix(prefix)?, kind)));
        let hook = HOOKS.contains(&name);
        if method.is_none() && !hook {
            if name.starts_with("canister_") && matches!(export.kind, ExternalKind::Func) {
                return Err(ModuleError::invalid(format!(
                    "Wasm module has an invalid export section. Exporting reserved function \
                     '{name}' with \"canister_\" prefix"
                )));
            }
            return Ok(());
        }
        if !matches!(export.kind, ExternalKind::Func) {
            return Err(ModuleError {
                code: 504,
                // the final dot comes with the advice
                text: "Canister violated contract: export is not a function".into(),
                ..ModuleError::invalid("")
            });
        }
        let ty = self.functions[export.index as usize];
        self.check_signature(name, &self.types[ty as usize], &[], &[])?;
        if let Some((method, kind)) = method {
            if self.methods.insert(method.into(), kind).is_some() {
                return Err(ModuleError::avoidable(
                    format!(
                        "Duplicate function '{method}' exported multiple times with different call \
                         types: update, query, or composite_query."
                    ),
                    &format!(
                        "Try defining different versions of the function for each call type, e.g. \
                         `{method}_update`, `{method}_query`, etc."
                    ),
                    "wasm-module-duplicate-exports",
                ));
            }
        } else {
            self.hooks.push(name.into());
        }
        Ok(())
    }

    /// Keeps a metadata section. Returns false for any other section.
    fn custom(&mut self, section: &wasmparser::CustomSectionReader) -> Result<bool, ModuleError> {
        let public = section.name().strip_prefix("icp:public ");
        let private = section.name().strip_prefix("icp:private ");
        let Some(name) = public.or(private) else {
            return Ok(false);
        };
        let value = (public.is_some(), section.data().to_vec());
        if self.metadata.insert(name.into(), value).is_some() {
            return Err(ModuleError::invalid(format!(
                "Wasm module has an invalid custom section. Invalid custom section: name {name} \
                 already exists"
            )));
        }
        Ok(true)
    }
}
