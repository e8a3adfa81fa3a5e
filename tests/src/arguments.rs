//! Bad arguments: every public method of each canister gets values of its types at their extremes, broken Candid, other
//! types and far too much of everything. Nothing may trap, and what is refused may change nothing.

use crate::client::Client;
use crate::deployment::{Deployment, Part, person};
use crate::metrics::metrics;
use crate::source::UploadSpec;
use candid::types::value::{IDLField, IDLValue, VariantValue};
use candid::types::{FuncMode, Label, Type, TypeEnv, TypeInner};
use candid::{IDLArgs, Int, Nat, Principal};
use candid_parser::{IDLProg, check_prog};
use pocket_ic::ErrorCode;
use std::collections::BTreeMap;

/// Calls between two looks at the state.
const BATCH: u64 = 100;

/// What a text or a blob may have beside itself in a message of 2 MiB.
const ENVELOPE_BYTES: usize = 2_048;
const MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// What was tried, and how it was answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub tried: u64,
    /// With a value, or with an error of the canister's own.
    pub accepted: u64,
    pub typed_errors: u64,
    /// Before it ran.
    pub turned_away: u64,
}

struct Method {
    part: Part,
    name: String,
    args: Vec<Type>,
    is_query: bool,
}

/// Pseudo-random numbers, the same for the same seed (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Tries `count` arguments on a fresh deployment; ends with the first that is answered as it must not be.
pub fn try_bad_arguments(
    deployment: &Deployment,
    seed: u64,
    count: u64,
    done: impl Fn(u64),
) -> Result<Tally, String> {
    let (env, methods) = methods()?;
    let auditor = person("auditor");
    prepare(deployment, auditor)?;
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut tally = Tally::default();
    let mut before = state(deployment)?;
    let mut changed = false;
    let mut batch = Vec::new();
    while tally.tried < count {
        let method = &methods[numbers.below(methods.len())];
        let bytes = argument(&mut numbers, &env, method, &methods);
        let who = match method.part {
            Part::Gateway => numbers.pick(&[person("alice"), person("alice"), person("mallory")]),
            _ => auditor,
        };
        let shown = || {
            let head = &bytes[..bytes.len().min(60)];
            let (part, name) = (method.part.name(), &method.name);
            format!("{part}.{name} with {} bytes, {head:02x?}…", bytes.len())
        };
        tally.tried += 1;
        let id = deployment.id(method.part);
        let pic = &deployment.pic;
        let answer = match method.is_query {
            true => pic.query_call(id, who, &method.name, bytes.clone()),
            false => pic.update_call(id, who, &method.name, bytes.clone()),
        };
        match answer {
            Ok(reply) if is_typed_error(&reply) => tally.typed_errors += 1,
            Ok(_) => {
                tally.accepted += 1;
                changed |= !method.is_query;
            }
            Err(reject) if reject.error_code == ErrorCode::CanisterRejectedMessage => {
                tally.turned_away += 1;
            }
            Err(reject) => return Err(format!("{}: {reject}", shown())),
        }
        batch.push(method.name.as_str());
        if tally.tried.is_multiple_of(BATCH) || tally.tried == count {
            let now = state(deployment)?;
            if !changed && now != before {
                return Err(format!(
                    "{batch:?} were all refused, and have changed {before:#?} to {now:#?}"
                ));
            }
            (before, changed) = (now, false);
            batch.clear();
            done(tally.tried);
        }
    }
    Ok(tally)
}

/// Something to hit: a capsule, a memory, a pending upload, and a gateway by name that the other two know.
fn prepare(deployment: &Deployment, auditor: Principal) -> Result<(), String> {
    let words = |e: crate::client::CallError| e.to_string();
    let alice = deployment.client(person("alice"));
    let capsule = alice.capsules_create(None).map_err(words)?.id;
    let spec = UploadSpec::document("file", 3);
    alice
        .upload(&capsule, &spec, &b"abc"[..], |_| ())
        .map_err(words)?;
    alice
        .begin(&capsule, &UploadSpec::document("open", 3))
        .map_err(words)?;
    for part in [Part::BlobStore, Part::MemoryIndex] {
        let controller = Client::new(&deployment.pic, deployment.id(part), deployment.controller);
        controller
            .update::<()>("gateways_register", (auditor,))
            .map_err(words)?;
    }
    Ok(())
}

/// What refused calls may not change: how many there are of everything.
fn state(deployment: &Deployment) -> Result<BTreeMap<String, f64>, String> {
    let mut all = BTreeMap::new();
    for part in Part::ALL {
        all.extend(metrics(deployment, part)?);
    }
    let counts = ["_bytes", "_cycles", "_balance", "failed_total"];
    all.retain(|name, _| !counts.iter().any(|noise| name.contains(noise)));
    Ok(all)
}

fn methods() -> Result<(TypeEnv, Vec<Method>), String> {
    const DESCRIPTIONS: [&str; 3] = [
        include_str!("../../canisters/upload_gateway/upload_gateway.did"),
        include_str!("../../canisters/blob_store/blob_store.did"),
        include_str!("../../canisters/memory_index/memory_index.did"),
    ];
    let mut all = Vec::new();
    let mut types = TypeEnv::new();
    for (part, text) in Part::ALL.into_iter().zip(DESCRIPTIONS) {
        let program: IDLProg = text.parse().map_err(|e| format!("{e}"))?;
        let mut env = TypeEnv::new();
        let actor = check_prog(&mut env, &program).map_err(|e| e.to_string())?;
        let actor = actor.ok_or("a description without a service")?;
        // Their names may mean different types: one environment for all.
        let actor = types.merge_type(env, actor);
        for (name, method) in types.as_service(&actor).map_err(|e| e.to_string())? {
            let func = types.as_func(method).map_err(|e| e.to_string())?;
            all.push(Method {
                part,
                name: name.clone(),
                args: func.args.clone(),
                is_query: func
                    .modes
                    .iter()
                    .any(|mode| matches!(mode, FuncMode::Query | FuncMode::CompositeQuery)),
            });
        }
    }
    Ok((types, all))
}

/// A reply that is `variant { Err : … }`.
fn is_typed_error(reply: &[u8]) -> bool {
    let Ok(args) = IDLArgs::from_bytes(reply) else {
        return false;
    };
    let err = Label::Named("Err".into()).get_id();
    matches!(args.args.first(), Some(IDLValue::Variant(v)) if v.0.id.get_id() == err)
}

fn argument(numbers: &mut Numbers, env: &TypeEnv, method: &Method, methods: &[Method]) -> Vec<u8> {
    let of = |numbers: &mut Numbers, types: &[Type]| {
        let args = types.iter().map(|t| value(numbers, env, t, 0)).collect();
        let bytes = IDLArgs { args }.to_bytes_with_types(env, types);
        let mut bytes = bytes.expect("BUG: a value that isn't of its type");
        bytes.truncate(MESSAGE_BYTES - ENVELOPE_BYTES);
        bytes
    };
    let mut bytes = of(numbers, &method.args);
    let at = numbers.below(bytes.len());
    match numbers.below(10) {
        0..3 => {}
        3 => bytes.truncate(at),
        4 => bytes[at] ^= 1 << numbers.below(8),
        5 => bytes[at] = numbers.next() as u8,
        // A length that nothing has.
        6 => {
            bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f]);
        }
        7 => {
            let other = &methods[numbers.below(methods.len())].args;
            bytes = of(numbers, other);
        }
        8 => bytes.extend_from_slice(b"and more"),
        _ => {
            bytes = match numbers.below(4) {
                0 => Vec::new(),
                1 => (0..numbers.below(200))
                    .map(|_| numbers.next() as u8)
                    .collect(),
                2 => candid::encode_one("x".repeat(MESSAGE_BYTES - ENVELOPE_BYTES))
                    .expect("BUG: a text is Candid"),
                // Vectors of nothing, of which a few bytes claim millions.
                _ => b"DIDL\x01\x6d\x7f\x01\x00\xff\xff\xff\xff\x0f".to_vec(),
            }
        }
    }
    bytes
}

/// A value of a type: usual, or as extreme as the type has it.
fn value(numbers: &mut Numbers, env: &TypeEnv, ty: &Type, depth: u32) -> IDLValue {
    let number = numbers.pick(&[0, 1, 2, 7, u64::MAX >> 1, u64::MAX, 1 << 32]);
    match ty.as_ref() {
        TypeInner::Null => IDLValue::Null,
        TypeInner::Bool => IDLValue::Bool(number == 0),
        TypeInner::Nat => IDLValue::Nat(Nat::from(number)),
        TypeInner::Int => IDLValue::Int(Int::from(number)),
        TypeInner::Nat8 => IDLValue::Nat8(number as u8),
        TypeInner::Nat16 => IDLValue::Nat16(number as u16),
        TypeInner::Nat32 => IDLValue::Nat32(number as u32),
        TypeInner::Nat64 => IDLValue::Nat64(number),
        TypeInner::Int8 => IDLValue::Int8(number as i8),
        TypeInner::Int16 => IDLValue::Int16(number as i16),
        TypeInner::Int32 => IDLValue::Int32(number as i32),
        TypeInner::Int64 => IDLValue::Int64(number as i64),
        TypeInner::Float32 => {
            IDLValue::Float32(numbers.pick(&[0.0, f32::NAN, f32::INFINITY, f32::MIN_POSITIVE]))
        }
        TypeInner::Float64 => IDLValue::Float64(numbers.pick(&[0.0, f64::NAN, f64::INFINITY])),
        TypeInner::Text => IDLValue::Text(text(numbers)),
        TypeInner::Reserved => IDLValue::Reserved,
        TypeInner::Principal => IDLValue::Principal(numbers.pick(&[
            person("alice"),
            Principal::anonymous(),
            Principal::management_canister(),
            Principal::from_slice(&[7; 29]),
        ])),
        TypeInner::Opt(inner) => match numbers.below(3) == 0 || depth > 8 {
            true => IDLValue::None,
            false => IDLValue::Opt(Box::new(value(numbers, env, inner, depth + 1))),
        },
        TypeInner::Vec(inner) if matches!(inner.as_ref(), TypeInner::Nat8) => {
            let len = numbers.pick(&[0, 1, 31, 32, 33, 32, 70_000, 1_800_001]);
            IDLValue::Blob(vec![numbers.pick(&[0, 7, 255]); len])
        }
        TypeInner::Vec(inner) => {
            let len = numbers.pick(&[0, 1, 2, 40]);
            let values = (0..len).map(|_| value(numbers, env, inner, depth + 1));
            IDLValue::Vec(values.collect())
        }
        TypeInner::Record(fields) => {
            let fields = fields.iter().map(|field| IDLField {
                id: (*field.id).clone(),
                val: value(numbers, env, &field.ty, depth + 1),
            });
            IDLValue::Record(fields.collect())
        }
        TypeInner::Variant(fields) => {
            let index = numbers.below(fields.len());
            let field = IDLField {
                id: (*fields[index].id).clone(),
                val: value(numbers, env, &fields[index].ty, depth + 1),
            };
            IDLValue::Variant(VariantValue(Box::new(field), index as u64))
        }
        TypeInner::Var(name) => {
            let found = env
                .rec_find_type(name)
                .expect("BUG: a type without its definition");
            value(numbers, env, &found.clone(), depth)
        }
        other => unreachable!("BUG: no argument has the type {other:?}"),
    }
}

fn text(numbers: &mut Numbers) -> String {
    match numbers.below(12) {
        0 => String::new(),
        1 => "x".repeat(numbers.pick(&[256, 257, 1_025, 60_000, 600_000])),
        2 => "\u{0}\u{202e}ß🦀".repeat(1 + numbers.below(20)),
        3..6 => "capsule-1".into(),
        6 => "mem_1".into(),
        7 => format!("blob_{}", numbers.next()),
        8 => "icp://blob/blob_99999999999999999999999999".into(),
        9 => "capsule-18446744073709551616".into(),
        _ => "file".into(),
    }
}
