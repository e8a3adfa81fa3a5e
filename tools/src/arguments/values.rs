//! Values of a Candid type, both usual and extreme ones.

use super::numbers::Numbers;
use crate::deployment::person;
use candid::types::value::{IDLField, IDLValue, VariantValue};
use candid::types::{Type, TypeEnv, TypeInner};
use candid::{Int, Nat, Principal};

/// A value of a type, sometimes at the limits of that type.
pub(super) fn value(numbers: &mut Numbers, env: &TypeEnv, ty: &Type, depth: u32) -> IDLValue {
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
