//! The one state of the canister, and the room for its operations.

use crate::blob::slice::{SLICE_CHUNKS, Slice};
use crate::regions::ROOM;
use crate::state::State;
use candid::Principal;
use canister_common::growth::make_room;
use canister_common::room::Room;
use capsule_shared::Result;
use ic_cdk::api::performance_counter;
use ic_stable_structures::DefaultMemoryImpl;
use std::cell::RefCell;

thread_local! {
    static STATE: RefCell<State<DefaultMemoryImpl>> =
        RefCell::new(State::open(DefaultMemoryImpl::default()));
}

pub fn with_state<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    STATE.with_borrow_mut(f)
}

/// The callers that may read and write blobs.
pub fn check_gateway(caller: Principal) -> Result<()> {
    with_state(|state| state.gateways.check(caller))
}

/// Makes room for a new blob or chunk, or for the chunks of a pull; see `growth`.
pub async fn room_for_blobs() -> Result<bool> {
    let inside = with_state(|state| state.store.room_bytes());
    make_room("the blob store", room(), inside).await
}

/// The room that the store needs now. A check takes a part of the heap.
pub fn room() -> Room {
    let counting = with_state(|state| state.counting_bytes());
    Room {
        heap_bytes: ROOM.heap_bytes + counting,
        ..ROOM
    }
}

/// A slice that ends at so many instructions of this message.
pub fn slice(instructions: u64) -> Slice<'static> {
    Slice {
        used: &|| performance_counter(0),
        instructions,
        chunks: SLICE_CHUNKS,
    }
}
