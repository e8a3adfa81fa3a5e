//! A module that can run, compiled once for each hash.

use super::error::ModuleError;
use super::surface::{MethodKind, Surface};
use crate::wasm::engine::engine;
use crate::wasm::host::Host;
use crate::wasm::instrument::{InstrumentError, Instrumented, instrument};
use crate::wasm::linker::linker;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex};
use wasmparser::{Validator, WasmFeatures};
use wasmtime::InstancePre;

/// The most bytes of an unpacked module.
const MAX_MODULE_BYTES: u64 = 100 * 1024 * 1024;

/// The WebAssembly that the IC runs: deterministic, one memory of 32 or 64 bits, no threads.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    // the validator needs it for `externref`; structs and arrays stay out
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS);

/// A module that can run.
pub struct CompiledModule {
    /// SHA-256 of the bytes as they were sent.
    pub hash: [u8; 32],
    /// Bytes as they were sent.
    pub size: usize,
    pub methods: HashMap<String, MethodKind>,
    /// Names of exported entry points that are no methods, such as `canister_init`.
    pub hooks: Vec<String>,
    /// The `icp:public` and `icp:private` sections: name → (public, bytes).
    pub metadata: BTreeMap<String, (bool, Vec<u8>)>,
    pub instrumented: Instrumented,
    pub instance: InstancePre<Host>,
}

impl CompiledModule {
    pub fn has_hook(&self, name: &str) -> bool {
        self.hooks.iter().any(|h| h == name)
    }

    /// Bytes of storage for the module and its globals.
    pub fn stored_bytes(&self) -> usize {
        self.size + 8 * self.instrumented.mutable_globals.len()
    }

    /// The module for these bytes. Compiles them once for each hash. Fails if the IC would refuse
    /// them.
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
                    "Wasmtime failed to validate wasm module wasmtime::Module::validate() failed \
                     with {} (at offset {:#x})",
                    e.message(),
                    e.offset()
                ))
            })?;
        let surface = Surface::read(&wasm)?;
        let mut instrumented = instrument(&wasm).map_err(|e| match e {
            InstrumentError::Encoding(what) => ModuleError::invalid(what),
            InstrumentError::DataSegment(what) => ModuleError {
                text: format!(
                    "Could not instrument wasm module of canister: Wasm module has \
                    invalid data segment of {what}"
                ),
                ..ModuleError::invalid("")
            },
        })?;
        let module =
            wasmtime::Module::new(engine(), &instrumented.module).map_err(ModuleError::engine)?;
        // they are compiled and not needed again
        instrumented.module = vec![];
        let instance = linker(instrumented.memory64)
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
        _ => Err(bad("unsupported canister module format".into())),
    }
}
