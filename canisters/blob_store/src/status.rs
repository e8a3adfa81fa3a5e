//! The report of a store to its gateways and its operator.

use crate::extents::block::BLOCK_BYTES;
use crate::migration::Migration;
use crate::state::State;
use canister_common::growth::Reserve;
use capsule_shared::blob_store::{MigrationStatus, STORE_SCHEMA, StoreReserve, StoreStatus};
use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;

impl<M: Memory> State<M> {
    /// `no_room` says whether the last attempt to copy found none.
    pub fn status(&self, no_room: bool, cycles: u128, reserve: Option<Reserve>) -> StoreStatus {
        let totals = self.store.totals();
        StoreStatus {
            schema: STORE_SCHEMA,
            blobs: totals.blobs,
            chunks: totals.chunks,
            bytes: totals.bytes,
            allocated_bytes: totals.space.allocated() * BLOCK_BYTES,
            promised_bytes: totals.promised.known + totals.promised.others,
            free_bytes: totals.free_bytes(),
            capacity_bytes: totals.capacity_bytes,
            migration: match totals.migration {
                Migration::Nothing => MigrationStatus::Nothing,
                Migration::Done => MigrationStatus::Done,
                Migration::Copying(copying) => MigrationStatus::Copying {
                    chunks: copying.left.chunks,
                    bytes: copying.left.bytes,
                    kept: copying.kept,
                    first_kept: copying.first_kept.map(ByteBuf::from),
                    no_room,
                },
            },
            cycles,
            reserve: reserve.map(|reserve| StoreReserve {
                cycles: reserve.cycles,
                limit_cycles: reserve.limit_cycles,
            }),
        }
    }
}
