//! The operations of the model, and how often each comes.

use super::super::LIMITS;
use crate::session::types::Limits;
use proptest::prelude::*;

pub const LIMITS_HERE: Limits = Limits {
    bytes_per_scope: 200,
    ..LIMITS
};

/// How the write of a chunk in flight ends.
#[derive(Clone, Copy, Debug)]
pub enum Settled {
    Confirmed,
    Released,
    Refused,
}

#[derive(Clone, Debug)]
pub enum Op {
    ReserveBegin {
        owner: u8,
        scope: u8,
        key: u8,
        chunks: u32,
        declared: bool,
    },
    SettleBegin {
        which: usize,
        make: bool,
    },
    Reserve {
        id: u64,
        owner: u8,
        index: u32,
        len: usize,
    },
    Settle {
        which: usize,
        settled: Settled,
    },
    Finish {
        id: u64,
        owner: u8,
    },
    Commit {
        id: u64,
        refused: bool,
    },
    Abort {
        id: u64,
        owner: u8,
    },
    Tick {
        by: u64,
    },
    Restart,
}

pub fn op() -> impl Strategy<Value = Op> {
    let (id, owner) = (1..8u64, 1..4u8);
    let begin = (owner.clone(), 0..3u8, 0..3u8, 1..12u32, any::<bool>());
    let len = prop_oneof![4 => Just(10usize), 1 => 0..12usize];
    let chunk = (id.clone(), owner.clone(), 0..12u32, len);
    let settled = prop_oneof![
        8 => Just(Settled::Confirmed),
        1 => Just(Settled::Released),
        1 => Just(Settled::Refused),
    ];
    prop_oneof![
        3 => begin.prop_map(|(owner, scope, key, chunks, declared)| {
            Op::ReserveBegin { owner, scope, key, chunks, declared }
        }),
        3 => (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, make)| Op::SettleBegin { which, make }),
        12 => chunk.prop_map(|(id, owner, index, len)| Op::Reserve { id, owner, index, len }),
        10 => (any::<usize>(), settled)
            .prop_map(|(which, settled)| Op::Settle { which, settled }),
        4 => (id.clone(), owner.clone()).prop_map(|(id, owner)| Op::Finish { id, owner }),
        3 => (id.clone(), prop::bool::weighted(0.2))
            .prop_map(|(id, refused)| Op::Commit { id, refused }),
        1 => (id, owner).prop_map(|(id, owner)| Op::Abort { id, owner }),
        2 => (0..60u64).prop_map(|by| Op::Tick { by }),
        1 => Just(Op::Restart),
    ]
}
