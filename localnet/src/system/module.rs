//! A canister's module: checked, rewritten, compiled, and remembered by its hash.

use super::instrument::{InstrumentError, Instrumented, instrument};
use super::runtime;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex};
use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef, Validator, WasmFeatures};
use wasmtime::InstancePre;

use super::Host;

const MAX_FUNCTIONS: u32 = 50_000;
const MAX_GLOBALS: u32 = 1_000;
const MAX_METHODS: usize = 1_000;
const MAX_METHOD_NAME_BYTES: usize = 20_000;
const MAX_METADATA_SECTIONS: usize = 16;
/// A module may unpack to at most so many bytes.
const MAX_MODULE_BYTES: u64 = 100 * 1024 * 1024;

/// The WebAssembly that the IC runs: deterministic, one memory of 32 or 64 bits, no threads.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    // what `externref` is to the validator; structs and arrays stay out
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    Update,
    Query,
    CompositeQuery,
}

/// Why a module can't be installed: error code and text.
#[derive(Clone, Debug)]
pub struct ModuleError {
    pub code: u64,
    pub text: String,
}

impl ModuleError {
    fn invalid(what: impl std::fmt::Display) -> Self {
        Self {
            code: 505,
            text: format!("Canister's Wasm module is not valid: {what}"),
        }
    }
    fn engine(what: impl std::fmt::Display) -> Self {
        Self {
            code: 521,
            text: format!("Canister encountered a Wasm engine error: {what}"),
        }
    }
}

/// A module that can run.
pub struct CompiledModule {
    /// SHA-256 of the bytes as they were sent.
    pub hash: [u8; 32],
    /// Bytes as they were sent.
    pub size: usize,
    pub methods: HashMap<String, MethodKind>,
    /// Names of exported entry points other than methods: `canister_init` and its like.
    pub hooks: Vec<String>,
    /// `icp:public` and `icp:private` sections: name → (public, bytes).
    pub metadata: BTreeMap<String, (bool, Vec<u8>)>,
    pub instrumented: Instrumented,
    pub instance: InstancePre<Host>,
}

impl CompiledModule {
    pub fn has_hook(&self, name: &str) -> bool {
        self.hooks.iter().any(|h| h == name)
    }

    /// The module for these bytes; compiled once for each hash.
    pub fn get(bytes: &[u8]) -> Result<Arc<Self>, ModuleError> {
        static CACHE: LazyLock<Mutex<HashMap<[u8; 32], Arc<CompiledModule>>>> =
            LazyLock::new(Mutex::default);
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let cached = || CACHE.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(module) = cached().get(&hash) {
            return Ok(module.clone());
        }
        let module = Arc::new(Self::compile(hash, bytes)?);
        cached().insert(hash, module.clone());
        Ok(module)
    }

    fn compile(hash: [u8; 32], bytes: &[u8]) -> Result<Self, ModuleError> {
        let wasm = unpack(bytes)?;
        Validator::new_with_features(FEATURES)
            .validate_all(&wasm)
            .map_err(|e| {
                ModuleError::invalid(format!(
                    "Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with {} (at offset {:#x})",
                    e.message(),
                    e.offset()
                ))
            })?;
        let surface = Surface::read(&wasm)?;
        let mut instrumented = instrument(&wasm).map_err(|e| match e {
            InstrumentError::Encoding(what) => ModuleError::invalid(what),
            InstrumentError::DataSegment(what) => ModuleError {
                code: 505,
                text: format!("Could not instrument wasm module of canister: Wasm module has invalid data segment of {what}."),
            },
        })?;
        let module = wasmtime::Module::new(runtime::engine(), &instrumented.module)
            .map_err(ModuleError::engine)?;
        // compiled: the bytes are not needed again
        instrumented.module = vec![];
        let instance = runtime::linker(instrumented.memory64)
            .instantiate_pre(&module)
            .map_err(|e| ModuleError::engine(format!("Failed to instantiate module: {e}")))?;
        Ok(Self {
            hash,
            size: bytes.len(),
            methods: surface.methods,
            hooks: surface.hooks,
            metadata: surface.metadata,
            instrumented,
            instance,
        })
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, ModuleError> {
    let bad = |what: String| ModuleError::invalid(format!("Failed to decode wasm module: {what}"));
    match bytes {
        [0, b'a', b's', b'm', ..] => Ok(bytes.to_vec()),
        [0x1f, 0x8b, 0x08, ..] => {
            let mut out = vec![];
            GzDecoder::new(bytes)
                .take(MAX_MODULE_BYTES + 1)
                .read_to_end(&mut out)
                .map_err(|e| bad(e.to_string()))?;
            if out.len() as u64 > MAX_MODULE_BYTES {
                return Err(bad(format!("more than {MAX_MODULE_BYTES} bytes")));
            }
            Ok(out)
        }
        _ => Err(bad("unsupported canister module format.".into())),
    }
}

/// What a module shows to the outside.
#[derive(Default)]
struct Surface {
    methods: HashMap<String, MethodKind>,
    hooks: Vec<String>,
    metadata: BTreeMap<String, (bool, Vec<u8>)>,
    types: Vec<wasmparser::FuncType>,
    functions: Vec<u32>,
    memory64: bool,
}

fn wrong(e: wasmparser::BinaryReaderError) -> ModuleError {
    ModuleError::invalid(e)
}

/// Whether the module's own memory has addresses of 64 bits, on which the types of its imports depend.
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
    fn read(wasm: &[u8]) -> Result<Self, ModuleError> {
        let mut out = Self {
            memory64: has_memory64(wasm)?,
            ..Self::default()
        };
        let mut defined = 0;
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
                    return Err(ModuleError::invalid(format!(
                        "Wasm module defined {} globals which exceeds the maximum number allowed {MAX_GLOBALS}.",
                        s.count()
                    )));
                }
                Payload::ExportSection(s) => {
                    for export in s {
                        out.export(&export.map_err(wrong)?)?;
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    for op in body.get_operators_reader().map_err(wrong)? {
                        if let Operator::TableGrow { .. } = op.map_err(wrong)? {
                            return Err(ModuleError::invalid(
                                "Wasm module contains a function with unsupported instruction table.grow.",
                            ));
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
            return Err(ModuleError::invalid(format!(
                "Wasm module defined {defined} functions which exceeds the maximum number allowed {MAX_FUNCTIONS}."
            )));
        }
        const NAMES: &str = "`canister_update <name>`, `canister_query <name>`, or `canister_composite_query <name>`";
        if out.methods.len() > MAX_METHODS {
            return Err(ModuleError::invalid(format!(
                "The number of exported functions called {NAMES} is {} which exceeds {MAX_METHODS}.",
                out.methods.len()
            )));
        }
        let bytes: usize = out.methods.keys().map(String::len).sum();
        if bytes > MAX_METHOD_NAME_BYTES {
            return Err(ModuleError::invalid(format!(
                "The sum of `<name>` lengths in exported functions called {NAMES} is {bytes} which exceeds the allowed limit of {MAX_METHOD_NAME_BYTES}."
            )));
        }
        if metadata_sections > MAX_METADATA_SECTIONS {
            return Err(ModuleError::invalid(format!(
                "Wasm module defined {metadata_sections} custom sections which exceeds the maximum number allowed {MAX_METADATA_SECTIONS}."
            )));
        }
        Ok(out)
    }

    fn import(&mut self, import: wasmparser::Import) -> Result<(), ModuleError> {
        let (module, name) = (import.module, import.name);
        let TypeRef::Func(ty) = import.ty else {
            return Err(ModuleError::engine(format!(
                "Failed to instantiate module: unknown import: `{module}::{name}` has not been defined"
            )));
        };
        self.functions.push(ty);
        let Some((params, results)) = runtime::signature(self.memory64, module, name) else {
            return Err(ModuleError::invalid(format!(
                "Wasm module has an invalid import section. Module imports function '{name}' from '{module}' that is not exported by the runtime."
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
                    "Wasm module has an invalid function signature. Expected {what} {} for '{name}', got {}.",
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
                    "Wasm module has an invalid export section. Exporting reserved function '{name}' with \"canister_\" prefix."
                )));
            }
            return Ok(());
        }
        if !matches!(export.kind, ExternalKind::Func) {
            return Err(ModuleError {
                code: 504,
                text: "Canister violated contract: export is not a function.".into(),
            });
        }
        let ty = self.functions[export.index as usize];
        self.check_signature(name, &self.types[ty as usize], &[], &[])?;
        if let Some((method, kind)) = method {
            if self.methods.insert(method.into(), kind).is_some() {
                return Err(ModuleError::invalid(format!(
                    "Duplicate function '{method}' exported multiple times with different call types: update, query, or composite_query."
                )));
            }
        } else {
            self.hooks.push(name.into());
        }
        Ok(())
    }

    /// Keeps the metadata sections; tells whether this was one.
    fn custom(&mut self, section: &wasmparser::CustomSectionReader) -> Result<bool, ModuleError> {
        let public = section.name().strip_prefix("icp:public ");
        let private = section.name().strip_prefix("icp:private ");
        let Some(name) = public.or(private) else {
            return Ok(false);
        };
        let value = (public.is_some(), section.data().to_vec());
        if self.metadata.insert(name.into(), value).is_some() {
            return Err(ModuleError::invalid(format!(
                "Wasm module has an invalid custom section. Invalid custom section: name {name} already exists."
            )));
        }
        Ok(true)
    }
}
