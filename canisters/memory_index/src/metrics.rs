//! The metrics of the state. They contain no principals.

use crate::capacity::MAX_MEMORIES;
use crate::index::Index;
use crate::state::State;
use canister_common::http::Encoder;
use ic_stable_structures::Memory;
use std::io;

impl<M: Memory> State<M> {
    pub fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        // Destructured, so that a new field doesn't compile until someone decides how to report it.
        let State { index, gateways } = self;
        let Index {
            counters,
            capsules,
            by_subject: _,
            by_member,
            memories,
            by_capsule: _,
            by_session,
            by_blob: _,
            grants_by_granter: _,
            grants_by_member: _,
            trash,
            by_sha256: _,
            by_store: _,
            stores,
            purges: _,
            takedowns,
            owners,
            capacity,
        } = index;
        let made = counters.get().last_memory;
        for (name, value, help) in [
            ("capsules", capsules.len(), "Capsules."),
            (
                "rights",
                by_member.len(),
                "Owners and controllers of all capsules.",
            ),
            ("memories", memories.len(), "Memories, the trash included."),
            ("memories_trashed", trash.len(), "Memories in the trash."),
            (
                "memories_unplaced",
                index.unplaced(),
                "At most so many memories aren't found by SHA-256 or store yet.",
            ),
            ("stores", stores.len(), "Stores with memories."),
            (
                "memories_taken_down",
                index.taken_down(),
                "Memories that were taken down and aren't purged yet.",
            ),
            (
                "takedowns",
                takedowns.len(),
                "Memories that were ever taken down.",
            ),
            (
                "memories_largest",
                counters.get().most_memories.unwrap_or(0),
                "The most memories that one capsule ever had.",
            ),
            (
                "memories_largest_limit",
                MAX_MEMORIES,
                "The memories of a capsule with which no upload begins.",
            ),
            (
                "used_bytes",
                capacity.used_bytes(),
                "Bytes of stable memory in use. They never shrink.",
            ),
            (
                "used_bytes_limit",
                capacity.full,
                "Bytes of stable memory with which no upload begins.",
            ),
            (
                "sessions_known",
                by_session.len(),
                "Sessions that committed a memory, including memories that were deleted.",
            ),
            ("gateways", gateways.count(), "Registered gateways."),
            (
                "gateways_transferred",
                owners.count(),
                "Gateways whose memories belong to another one.",
            ),
        ] {
            encoder.encode_gauge(&format!("memory_index_{name}"), value as f64, help)?;
        }
        encoder.encode_counter(
            "memory_index_commits_total",
            made as f64,
            "Memories ever committed.",
        )
    }
}
