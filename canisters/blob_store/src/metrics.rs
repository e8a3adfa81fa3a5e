//! The metrics of the state. They contain no principals.

use crate::extents::block::BLOCK_BYTES;
use crate::migration::{Copying, Left, Migration};
use crate::state::State;
use crate::totals::Totals;
use canister_common::http::Encoder;
use ic_stable_structures::Memory;
use std::io;

impl<M: Memory> State<M> {
    pub fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        // Destructured, so that a new field doesn't compile until someone decides how to report it.
        let State {
            store,
            gateways,
            check: _,
            counting: _,
            shares: _,
        } = self;
        let check = self.check_status();
        let faults = check.map_or(0, |check| check.faults - check.mended);
        let totals = store.totals();
        let Totals {
            blobs,
            chunks,
            bytes,
            space,
            promised,
            capacity_bytes,
            migration,
        } = totals;
        let copying = match migration {
            Migration::Copying(copying) => copying,
            Migration::Nothing | Migration::Done => Copying::default(),
        };
        let Left {
            chunks: left_chunks,
            bytes: left_bytes,
        } = copying.left;
        let allocated = space.allocated() * BLOCK_BYTES;
        let free_blocks = u64::from(space.free) * BLOCK_BYTES;
        for (name, value, help) in [
            (
                "blobs",
                blobs,
                "Blobs, including those that are being deleted.",
            ),
            ("chunks", chunks, "Stored chunks."),
            ("bytes", bytes, "Bytes of all stored chunks."),
            (
                "allocated_bytes",
                allocated,
                "Bytes of the blocks that blobs have.",
            ),
            (
                "reusable_bytes",
                free_blocks,
                "Bytes of blocks that blobs had before.",
            ),
            (
                "promised_bytes",
                promised.known + promised.others,
                "Bytes that are kept free for open blobs.",
            ),
            (
                "capacity_bytes",
                capacity_bytes,
                "Bytes that blobs may take.",
            ),
            (
                "free_bytes",
                totals.free_bytes(),
                "Bytes of the capacity that are neither taken nor promised.",
            ),
            (
                "schema_1_chunks",
                left_chunks,
                "Chunks that are not copied from schema version 1 yet.",
            ),
            ("schema_1_bytes", left_bytes, "The bytes of these chunks."),
            (
                "schema_1_kept_blobs",
                copying.kept.into(),
                "Blobs of schema version 1 that can't be copied.",
            ),
            (
                "check_running",
                self.is_checking().into(),
                "Whether the store checks itself.",
            ),
            (
                "check_faults",
                faults,
                "Faults that this check, or the last one, found and didn't mend.",
            ),
            ("gateways", gateways.count(), "Registered gateways."),
        ] {
            encoder.encode_gauge(&format!("blob_store_{name}"), value as f64, help)?;
        }
        Ok(())
    }
}
