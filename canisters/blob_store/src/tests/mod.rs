//! Tests of the store: its rules, random histories against a model, the stored bytes, and the
//! committed interface.

pub mod blocks;
mod checking;
mod copying;
mod full;
mod interface;
mod layouts;
mod model;
mod old;
mod pulling;
mod ranges;
mod reuse;
mod rules;
mod sharing;
mod stable_memory;
mod transfer;

use crate::blob::slice::Slice;
use crate::state::State;
use candid::Principal;
use capsule_shared::BlobKey;
use ic_stable_structures::VectorMemory;

fn state() -> State<VectorMemory> {
    State::open(VectorMemory::default())
}

fn gateway(n: u8) -> Principal {
    Principal::from_slice(&[n; 10])
}

/// A key. Different `n` give different blob ids.
fn key(n: u8) -> BlobKey {
    BlobKey([n; 32])
}

/// A slice of this many chunks.
fn chunks(chunks: u32) -> Slice<'static> {
    Slice {
        used: &|| 0,
        instructions: u64::MAX,
        chunks,
    }
}
