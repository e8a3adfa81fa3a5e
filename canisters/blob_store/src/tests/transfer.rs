//! Tests of transfers: one gateway owns the blobs that another opened.

use super::{chunks, gateway, key};
use crate::state::State;
use capsule_shared::blob_store::DeleteProgress;
use capsule_shared::operators::GatewayTransfer;
use capsule_shared::{Error, Result};
use ic_stable_structures::VectorMemory;

/// Gateways 1 to 3 are registered. Each has a sealed blob and an open one: gateway 1 has keys 1 and
/// 11, and so on.
fn three() -> (VectorMemory, State<VectorMemory>) {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    for n in 1..4 {
        state.gateways.register(gateway(n)).unwrap();
        for number in [n, n + 10] {
            state
                .store
                .open_blob(gateway(n), key(number), None)
                .unwrap();
            state
                .store
                .put(gateway(n), key(number), 0, b"bytes")
                .unwrap();
        }
        let sealed = state.store.seal(gateway(n), key(n), 1, 5, None);
        sealed.unwrap();
    }
    (memory, state)
}

fn transfer(state: &mut State<VectorMemory>, from: u8, to: u8) -> Result<()> {
    state.gateways_transfer(gateway(from), gateway(to))
}

/// The owners of the blobs of gateways 1 to 3. Each right must be that of the same one.
fn owners(state: &mut State<VectorMemory>) -> Vec<u8> {
    let owner = |number: u8| {
        let meta = state.store.meta(key(number)).unwrap();
        assert_eq!(meta.gateway, gateway(number));
        for n in 1..4 {
            let expected = match meta.owner == Some(gateway(n)) {
                true => Ok(()),
                false => Err(Error::Unauthorized),
            };
            let store = &mut state.store;
            let open = key(number + 10);
            assert_eq!(store.put(gateway(n), open, 0, b"bytes"), expected);
            assert_eq!(
                store.digest(gateway(n), open, &chunks(9)).map(drop),
                expected
            );
            assert_eq!(store.seal(gateway(n), key(number), 1, 5, None), expected);
            assert_eq!(store.release(gateway(n), open), Ok(()));
            // Everybody may read.
            assert_eq!(store.read_chunk(key(number), 0).unwrap(), b"bytes");
        }
        (1..4).find(|n| meta.owner == Some(gateway(*n))).unwrap()
    };
    (1..4).map(owner).collect()
}

#[test]
fn the_blobs_of_a_gateway_go_to_another_and_on_and_back() {
    let (memory, mut state) = three();
    assert_eq!(owners(&mut state), [1, 2, 3]);
    for (from, to, expected) in [
        (1, 2, [2, 2, 3]),
        (1, 2, [2, 2, 3]),
        (2, 3, [3, 3, 3]),
        (3, 1, [1, 1, 1]),
    ] {
        assert_eq!(transfer(&mut state, from, to), Ok(()));
        assert_eq!(owners(&mut state), expected);
        state = State::open(memory.clone());
        assert_eq!(owners(&mut state), expected);
    }
    let to = gateway(1);
    let expected = [2, 3].map(|n| GatewayTransfer {
        from: gateway(n),
        to,
    });
    assert_eq!(state.store.owners.transfers(), expected);
}

#[test]
fn the_new_owner_deletes_and_the_old_one_cannot() {
    let (_, mut state) = three();
    transfer(&mut state, 1, 2).unwrap();
    let mut delete = |n, number| state.store.delete(gateway(n), key(number), &chunks(9));
    assert_eq!(delete(1, 1), Err(Error::Unauthorized));
    assert_eq!(delete(2, 1), Ok(DeleteProgress::Done));
    assert_eq!(delete(2, 11), Ok(DeleteProgress::Done));
}

#[test]
fn a_gateway_that_handed_over_opens_no_blob() {
    let (_, mut state) = three();
    transfer(&mut state, 1, 2).unwrap();
    let mut open = |n, number| state.store.open_blob(gateway(n), key(number), None);
    assert_eq!(open(1, 50), Err(Error::Unauthorized));
    assert_eq!(open(2, 50), Ok(()));
    // Sessions of both gateways may have the same key. The bytes of one stay.
    let again = open(2, 1);
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}

#[test]
fn gateways_that_are_not_known_take_and_give_nothing() {
    let (_, mut state) = three();
    let to_nobody = transfer(&mut state, 1, 9);
    assert!(
        matches!(to_nobody, Err(Error::InvalidArgument(_))),
        "{to_nobody:?}"
    );
    assert_eq!(transfer(&mut state, 9, 1), Err(Error::NotFound));
    // One that was unregistered can still hand on what it got.
    transfer(&mut state, 1, 2).unwrap();
    state.gateways.unregister(gateway(2));
    assert_eq!(transfer(&mut state, 2, 3), Ok(()));
    assert_eq!(owners(&mut state), [3, 3, 3]);
    // A repeated transfer is fine whether the gateway is still registered or not.
    state.gateways.unregister(gateway(1));
    assert_eq!(transfer(&mut state, 1, 3), Ok(()));
}

#[test]
fn a_store_without_a_transfer_has_no_region_for_them() {
    let (memory, mut state) = three();
    let before = ic_stable_structures::Memory::size(&memory);
    transfer(&mut state, 1, 2).unwrap();
    let bucket = u64::from(crate::regions::BUCKET_PAGES);
    assert_eq!(ic_stable_structures::Memory::size(&memory), before + bucket);
}
