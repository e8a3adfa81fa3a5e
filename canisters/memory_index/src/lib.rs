//! The memory index: who owns which capsule, one record for each committed upload, and where its blob lies, for
//! registered gateways and controllers. This file is the canister's interface; the rules are in `capsules` and
//! `memories`. Nothing awaits, so every message is atomic.

mod capsules;
mod ids;
mod index;
mod memories;
mod record;
mod regions;
#[cfg(test)]
mod tests;

use crate::index::{Call, Index};
use crate::regions::Regions;
use candid::Principal;
use canister_common::funds::check_own_funds;
use canister_common::gateways::Gateways;
use canister_common::http::{self, Encoder, HttpRequest, HttpResponse};
use canister_common::{check_canister_controller, gateway_of_environment, method};
use capsule_shared::capsule::{Capsule, CapsuleHeader, CapsuleInfo, PersonRef};
use capsule_shared::memory_index::{
    BlobPlace, CapsuleUsage, Memory, MemoryCommit, MemoryIndexArgs, MemoryPage,
};
use capsule_shared::{BlobId, Result};
use ic_cdk::api::{msg_caller, time};
use ic_stable_structures::memory_manager::VirtualMemory;
use ic_stable_structures::{DefaultMemoryImpl, Memory as StableMemory};
use std::cell::RefCell;
use std::io;

/// Everything that the canister knows; all of it lies in stable memory.
pub struct State<M: StableMemory> {
    pub index: Index<M>,
    pub gateways: Gateways<VirtualMemory<M>>,
}

impl<M: StableMemory> State<M> {
    pub fn open(memory: M) -> Self {
        let (index, gateways) = Index::open(Regions::open(memory));
        Self {
            index,
            gateways: Gateways::open(gateways),
        }
    }
}

impl<M: StableMemory> State<M> {
    fn encode_metrics(&self, encoder: &mut Encoder) -> io::Result<()> {
        // Taken apart, so that whoever adds a field decides what to tell of it.
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
        } = index;
        let made = counters.get().last_memory;
        for (name, value, help) in [
            ("capsules", capsules.len(), "Capsules."),
            (
                "rights",
                by_member.len(),
                "Owners and controllers of all capsules.",
            ),
            ("memories", memories.len(), "Regions."),
            (
                "sessions_known",
                by_session.len(),
                "Sessions that have committed, their memory deleted or not.",
            ),
            ("gateways", gateways.count(), "Registered gateways."),
        ] {
            encoder.encode_gauge(&format!("memory_index_{name}"), value as f64, help)?;
        }
        encoder.encode_counter(
            "memory_index_commits_total",
            made as f64,
            "Regions that were ever made.",
        )
    }
}

thread_local! {
    static STATE: RefCell<State<DefaultMemoryImpl>> =
        RefCell::new(State::open(DefaultMemoryImpl::default()));
}

fn with_state<T>(f: impl FnOnce(&mut State<DefaultMemoryImpl>) -> T) -> T {
    STATE.with_borrow_mut(f)
}

/// Registered gateways and controllers.
fn is_peer(caller: Principal) -> Result<()> {
    check_canister_controller(caller).or_else(|_| is_gateway(caller))
}

fn is_gateway(caller: Principal) -> Result<()> {
    with_state(|state| state.gateways.check(caller, gateway_of_environment))
}

fn configure(args: Option<MemoryIndexArgs>) {
    if let Some(gateways) = args.and_then(|args| args.gateways) {
        with_state(|state| state.gateways.replace(&gateways))
            .unwrap_or_else(|e| ic_cdk::trap(format!("the gateways were refused: {e}")));
    }
}

#[ic_cdk::init]
fn init(args: Option<MemoryIndexArgs>) {
    configure(args);
}

#[ic_cdk::inspect_message]
fn inspect_message() {
    canister_common::inspection::inspect_ingress(is_peer);
}

#[ic_cdk::post_upgrade]
fn post_upgrade(args: Option<MemoryIndexArgs>) {
    configure(args);
}

method!(update for is_peer: fn capsule_create(who: Principal, subject: Option<PersonRef>) -> Result<Capsule> {
    check_own_funds("the memory index")?;
    with_state(|state| state.index.capsule_create(call(), who, subject))
});

method!(query for is_peer: fn capsule_read(who: Principal, capsule_id: Option<String>) -> Result<CapsuleInfo> {
    with_state(|state| state.index.capsule_read(who, capsule_id.as_deref()))
});

method!(update for is_peer: fn capsule_add_controller(who: Principal, capsule_id: String, controller: Principal) -> Result<Capsule> {
    check_own_funds("the memory index")?;
    with_state(|state| state.index.capsule_add_controller(call(), who, &capsule_id, controller))
});

method!(update for is_peer: fn capsule_remove_controller(who: Principal, capsule_id: String, controller: Principal) -> Result<Capsule> {
    with_state(|state| state.index.capsule_remove_controller(call(), who, &capsule_id, controller))
});

method!(query for is_peer: fn capsule_list(who: Principal) -> Result<Vec<CapsuleHeader>> {
    Ok(with_state(|state| state.index.capsule_list(who)))
});

method!(query for is_peer: fn capsule_usage(who: Principal, capsule_id: String) -> Result<CapsuleUsage> {
    with_state(|state| state.index.capsule_usage(who, &capsule_id))
});

method!(update for is_peer: fn memory_commit(commit: MemoryCommit) -> Result<Memory> {
    with_state(|state| state.index.memory_commit(call(), commit))
});

method!(query for is_peer: fn memory_list(who: Principal, capsule_id: String, cursor: Option<String>, limit: Option<u32>) -> Result<MemoryPage> {
    with_state(|state| state.index.memory_list(who, &capsule_id, cursor.as_deref(), limit))
});

method!(query for is_peer: fn memory_read(who: Principal, memory_id: String) -> Result<Memory> {
    with_state(|state| state.index.memory_read(who, &memory_id))
});

method!(update for is_peer: fn memory_delete(who: Principal, memory_id: String) -> Result<Memory> {
    with_state(|state| state.index.memory_delete(call(), who, &memory_id))
});

method!(query for is_peer: fn blob_locate(who: Principal, blob_id: BlobId) -> Result<BlobPlace> {
    with_state(|state| state.index.blob_locate(call(), who, blob_id))
});

method!(update for check_canister_controller: fn gateways_register(gateway: Principal) -> Result<()> {
    with_state(|state| state.gateways.register(gateway))
});

method!(update for check_canister_controller: fn gateways_unregister(gateway: Principal) -> Result<()> {
    with_state(|state| state.gateways.unregister(gateway));
    Ok(())
});

method!(query for check_canister_controller: fn gateways_list() -> Result<Vec<Principal>> {
    Ok(with_state(|state| state.gateways.list()))
});

#[ic_cdk::query(hidden = true, decode_with = "std::convert::identity")]
fn http_request(message: Vec<u8>) -> HttpResponse {
    #[candid::candid_method(query)]
    fn http_request(request: HttpRequest) -> HttpResponse {
        http::serve_metrics(&request, time(), |encoder| {
            http::encode_platform(encoder, "memory_index")?;
            with_state(|state| state.encode_metrics(encoder))
        })
    }
    http::answer(&message, http_request)
}

fn call() -> Call {
    Call {
        gateway: msg_caller(),
        now: time(),
    }
}

candid::export_service!();

/// The interface as Candid text, made from the code.
pub fn candid_interface() -> String {
    __export_service()
}
