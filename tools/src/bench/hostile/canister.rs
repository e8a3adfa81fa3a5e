//! The calls of a canister that are measured. The platform inspects none of them, so each reaches
//! the method with the longest arguments.

use super::call::{Call, Sender, call};
use super::row::Outcome::Refused;
use super::scene::{Scene, chunk, digest, mallory, spec};
use crate::deployment::Part;
use candid::utils::ArgumentEncoder;
use capsule_shared::BlobKey;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use capsule_shared::memory_index::{BlobPlace, MemoryCommit};
use serde_bytes::{ByteBuf, Bytes};

pub(super) fn calls_of_a_canister(scene: &Scene) -> Vec<Call> {
    [of_the_gateway(scene), of_the_store(), of_the_index(scene)]
        .into_iter()
        .flatten()
        .map(|call| Call {
            sender: Sender::Canister,
            ..call
        })
        .collect()
}

fn of_the_gateway(scene: &Scene) -> Vec<Call> {
    let key = "of a canister";
    let spec = spec(key, MAX_CHUNK_BYTES as u64);
    let capsule = scene.alice_capsule.as_str();
    let begin = (capsule, &spec.metadata, spec.expected_chunks, key);
    let full = chunk(7);
    let put = (scene.alice_session, 0u32, Bytes::new(&full));
    vec![
        call("uploads_begin", "foreign capsule", Refused, begin),
        call("uploads_put_chunk", "foreign upload, full", Refused, put),
        call(
            "memories_delete",
            "foreign memory",
            Refused,
            (scene.alice_memory.as_str(),),
        ),
        call("configure", "stranger", Refused, (GatewayArgs::default(),)),
        call(
            "configure_check",
            "stranger",
            Refused,
            (GatewayArgs::default(),),
        ),
    ]
}

/// A call of a canister behind the gateway.
fn behind(
    part: Part,
    method: &'static str,
    situation: &'static str,
    args: impl ArgumentEncoder,
) -> Call {
    Call {
        part,
        ..call(method, situation, Refused, args)
    }
}

fn of_the_store() -> Vec<Call> {
    let store = Part::BlobStore;
    let key = BlobKey([7; 32]);
    let full = chunk(7);
    vec![
        behind(store, "blob_open", "directly", (key,)),
        behind(
            store,
            "blob_put_chunk",
            "directly",
            (key, 0u32, Bytes::new(&full)),
        ),
    ]
}

fn of_the_index(scene: &Scene) -> Vec<Call> {
    let index = Part::MemoryIndex;
    let memory = scene.alice_memory.as_str();
    // The index refuses the caller before it decodes anything.
    let junk = chunk(7);
    vec![
        behind(index, "capsule_list", "directly", (mallory(),)),
        behind(index, "memory_commit", "directly", (commit(scene),)),
        behind(index, "memory_commit", "1.8 MB", (Bytes::new(&junk),)),
        behind(index, "memory_delete", "directly", (mallory(), memory)),
    ]
}

/// A commit into a foreign capsule, with the most metadata.
fn commit(scene: &Scene) -> MemoryCommit {
    let key = BlobKey([7; 32]);
    let size = MAX_CHUNK_BYTES as u64;
    MemoryCommit {
        who: mallory(),
        capsule_id: scene.alice_capsule.clone(),
        session_id: 1,
        metadata: spec("of a canister", size).metadata,
        place: BlobPlace {
            store: mallory(),
            key,
            blob_id: key.blob_id(),
            size,
            chunk_count: 1,
        },
        sha256: ByteBuf::from(digest()),
    }
}
