//! The metrics of the state. They contain no principals.

use crate::state::State;
use crate::totals::{CAPACITY_BYTES, Totals};
use canister_common::http::Encoder;
use ic_stable_structures::Memory;
use std::io;

impl<M: Memory> State<M> {
    pub fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        // Destructured, so that a new field doesn't compile until someone decides how to report it.
        let State { store, gateways } = self;
        let Totals {
            blobs,
            chunks,
            bytes,
        } = store.totals();
        for (name, value, help) in [
            (
                "blobs",
                blobs,
                "Blobs, including those that are being deleted.",
            ),
            ("chunks", chunks, "Stored chunks."),
            ("bytes", bytes, "Bytes of all stored chunks."),
            (
                "capacity_bytes",
                CAPACITY_BYTES,
                "Bytes that the store can take.",
            ),
            ("gateways", gateways.count(), "Registered gateways."),
        ] {
            encoder.encode_gauge(&format!("blob_store_{name}"), value as f64, help)?;
        }
        Ok(())
    }
}
