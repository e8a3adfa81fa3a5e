//! Fills a store natively, for measurements of a canister that holds much. The operations are the
//! canister's own, so its records, runs, free runs and sums are as the canister would leave them.

use crate::blob::slice::Slice;
use crate::state::State;
use candid::Principal;
use capsule_shared::blob_store::{BlobStoreArgs, Declared, DeleteProgress};
use capsule_shared::{BlobKey, Result};
use ic_stable_structures::Memory;

/// A store that fills `M`, the stable memory of a canister to be.
pub struct Filling<M: Memory> {
    state: State<M>,
    gateway: Principal,
}

impl<M: Memory> Filling<M> {
    /// Lays out a store whose only gateway is `gateway`, or goes on with it.
    pub fn of(memory: M, gateway: Principal, capacity_bytes: u64) -> Result<Self> {
        let mut state = State::open(memory);
        state.configure(BlobStoreArgs {
            gateways: Some(vec![gateway]),
            capacity_bytes: Some(capacity_bytes),
        })?;
        Ok(Filling { state, gateway })
    }

    /// Stores a blob of these chunks, as a gateway does that knows its size, and seals it.
    pub fn store<'a>(
        &mut self,
        key: BlobKey,
        chunks: impl Iterator<Item = &'a [u8]> + Clone,
        sha256: [u8; 32],
    ) -> Result<()> {
        let bytes = chunks.clone().map(|chunk| chunk.len() as u64).sum();
        let declared = Declared { bytes, known: true };
        let store = &mut self.state.store;
        store.open_blob(self.gateway, key, Some(declared))?;
        let mut count = 0;
        for chunk in chunks {
            store.put(self.gateway, key, count, chunk)?;
            count += 1;
        }
        store.seal(self.gateway, key, count, bytes, Some(sha256))
    }

    pub fn delete(&mut self, key: BlobKey) -> Result<()> {
        let whole = Slice {
            used: &|| 0,
            instructions: u64::MAX,
            chunks: u32::MAX,
        };
        let store = &mut self.state.store;
        while store.delete(self.gateway, key, &whole)? != DeleteProgress::Done {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::blocks::check_blocks;
    use ic_stable_structures::VectorMemory;

    #[test]
    fn a_filled_memory_is_a_store_with_these_blobs() {
        let memory = VectorMemory::default();
        let gateway = Principal::from_slice(&[1; 10]);
        let key = |n| BlobKey([n; 32]);
        let bytes = [7; 25_000];
        let capacity = 1 << 30;
        let mut filling = Filling::of(memory.clone(), gateway, capacity).unwrap();
        for n in 0..10 {
            let chunks = bytes[..2_500 * usize::from(n + 1)].chunks(10_000);
            filling.store(key(n), chunks, [n; 32]).unwrap();
        }
        filling.delete(key(4)).unwrap();

        let State {
            store, gateways, ..
        } = State::open(memory);
        check_blocks(&store);
        assert_eq!(gateways.list(), [gateway]);
        let totals = store.totals();
        assert_eq!((totals.blobs, totals.bytes), (9, 50 * 2_500));
        assert_eq!(
            (totals.promised.known, totals.capacity_bytes),
            (0, capacity)
        );
        assert!(totals.space.free > 0);
        let read = store.read_range(key(9), 19_999, 2, Vec::with_capacity);
        assert_eq!(read, Ok(vec![7; 2]));
    }
}
