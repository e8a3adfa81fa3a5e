//! The steps of a history.

use proptest::prelude::*;

#[derive(Clone, Debug)]
pub enum Op {
    Create {
        who: u8,
    },
    Commit {
        gateway: u8,
        who: u8,
        capsule: u8,
        session: u64,
        size: u64,
    },
    Delete {
        gateway: u8,
        who: u8,
        memory: u64,
    },
    Trash {
        gateway: u8,
        who: u8,
        memory: u64,
    },
    Restore {
        gateway: u8,
        who: u8,
        memory: u64,
    },
    /// Ends the stay in the trash that began so many steps ago.
    Expire {
        gateway: u8,
        memory: u64,
        ago: u64,
    },
    /// Moves the memory of a gateway from one store to another.
    Relocate {
        gateway: u8,
        memory: u64,
        from: u8,
        to: u8,
    },
    Takedown {
        memory: u64,
    },
    /// Hands the memories of one gateway over to another.
    Transfer {
        from: u8,
        to: u8,
    },
    /// The owner of the capsule makes `whom` a controller, or `whom` leaves.
    Grant {
        capsule: u8,
        whom: u8,
        add: bool,
    },
    Restart,
    /// Makes the sets look as release 0.1.0 left them, and restarts.
    Age,
    /// Enters this many memories into the sets.
    Enter {
        memories: u32,
    },
}

/// How many steps a memory stays in the trash.
pub const STAY: u64 = 3;

pub fn op() -> impl Strategy<Value = Op> {
    let gateway = || prop_oneof![4 => Just(1u8), 2 => Just(2u8), 1 => Just(3u8)];
    let store = || prop_oneof![3 => Just(FIRST_STORE), 1 => Just(97u8), 1 => Just(98u8)];
    prop_oneof![
        2 => (1..4u8).prop_map(|who| Op::Create { who }),
        10 => (gateway(), 1..4u8, 1..4u8, 1..6u64, 1..3u64).prop_map(
            |(gateway, who, capsule, session, size)| {
                Op::Commit { gateway, who, capsule, session, size }
            }
        ),
        4 => (gateway(), 1..4u8, 1..8u64)
            .prop_map(|(gateway, who, memory)| Op::Delete { gateway, who, memory }),
        5 => (gateway(), 1..4u8, 1..8u64)
            .prop_map(|(gateway, who, memory)| Op::Trash { gateway, who, memory }),
        3 => (gateway(), 1..4u8, 1..8u64)
            .prop_map(|(gateway, who, memory)| Op::Restore { gateway, who, memory }),
        4 => (gateway(), 1..8u64, 1..6u64)
            .prop_map(|(gateway, memory, ago)| Op::Expire { gateway, memory, ago }),
        5 => (gateway(), 1..8u64, store(), store())
            .prop_map(|(gateway, memory, from, to)| Op::Relocate { gateway, memory, from, to }),
        2 => (1..8u64).prop_map(|memory| Op::Takedown { memory }),
        3 => (1..4u8, 1..4u8).prop_map(|(from, to)| Op::Transfer { from, to }),
        3 => (1..4u8, 1..4u8, any::<bool>())
            .prop_map(|(capsule, whom, add)| Op::Grant { capsule, whom, add }),
        1 => Just(Op::Restart),
        1 => Just(Op::Age),
        5 => (1..6u32).prop_map(|memories| Op::Enter { memories }),
    ]
}

/// The store that every commit names.
pub const FIRST_STORE: u8 = 99;
