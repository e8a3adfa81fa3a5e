//! The calls of a stranger that are measured: every update of the gateway, taken and refused.
//!
//! The platform charges nothing for queries. Agents may send a query as an update, so these are
//! here too.

use super::call::{Call, call};
use super::row::Outcome::{Refused, Rejected, Taken};
use super::scene::{Scene, chunk, digest, spec};
use crate::deployment::{Part, person};
use capsule_shared::capsule::PersonRef;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_ID_BYTES};
use capsule_shared::stores::StoreState;
use serde_bytes::Bytes;

/// The most bytes of a chunk that runs for any session.
const SMALL_CHUNK_BYTES: usize = 256 * 1024;

/// The calls in an order in which each finds what it needs.
pub(super) fn calls(scene: &Scene) -> Vec<Call> {
    [
        begins(scene),
        chunks(scene),
        finishes(scene),
        aborts(scene),
        capsules(scene),
        memories(scene),
        queries(scene),
        operators(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn begins(scene: &Scene) -> Vec<Call> {
    let begin = |situation, outcome, capsule: &str, key: &str| {
        let spec = spec(key, MAX_CHUNK_BYTES as u64);
        let args = (capsule, &spec.metadata, spec.expected_chunks, key);
        call("uploads_begin", situation, outcome, args)
    };
    let long = "k".repeat(MAX_ID_BYTES + 1);
    vec![
        begin("own capsule", Taken, &scene.capsule, "new"),
        begin("again", Taken, &scene.capsule, "new"),
        begin("foreign capsule", Refused, &scene.alice_capsule, "new"),
        begin("no capsule", Refused, "capsule-999999", "new"),
        begin("key too long", Refused, &scene.capsule, &long),
    ]
}

fn chunks(scene: &Scene) -> Vec<Call> {
    let put = |situation, outcome, session, index: u32, bytes: &[u8]| {
        let args = (session, index, Bytes::new(bytes));
        call("uploads_put_chunk", situation, outcome, args)
    };
    let (full, small) = (chunk(7), vec![7; SMALL_CHUNK_BYTES]);
    vec![
        put("own upload", Taken, scene.pending, 1, &full),
        put("the same again", Taken, scene.pending, 1, &full),
        put("other bytes", Taken, scene.pending, 1, &chunk(8)),
        put("index too high", Refused, scene.pending, 2, &full),
        put(
            "foreign upload, 256 KiB",
            Refused,
            scene.alice_session,
            0,
            &small,
        ),
        put(
            "foreign upload, full",
            Rejected,
            scene.alice_session,
            0,
            &full,
        ),
        put("no upload, 256 KiB", Refused, 999_999, 0, &small),
    ]
}

fn finishes(scene: &Scene) -> Vec<Call> {
    let full = MAX_CHUNK_BYTES as u64;
    let finish = |situation, outcome, session, sha256: &[u8], bytes: u64| {
        let args = (session, Bytes::new(sha256), bytes);
        call("uploads_finish", situation, outcome, args)
    };
    vec![
        finish(
            "foreign upload",
            Refused,
            scene.alice_session,
            &digest(),
            full,
        ),
        finish("wrong hash", Refused, scene.complete, &[0; 32], full),
        finish("wrong length", Refused, scene.complete, &digest(), 1),
        finish("complete", Taken, scene.complete, &digest(), full),
        finish("again", Taken, scene.complete, &digest(), full),
    ]
}

fn aborts(scene: &Scene) -> Vec<Call> {
    let abort =
        |situation, outcome, session: u64| call("uploads_abort", situation, outcome, (session,));
    vec![
        abort("foreign upload", Refused, scene.alice_session),
        abort("committed", Refused, scene.complete),
        abort("one chunk stored", Taken, scene.other_complete),
        abort("again", Taken, scene.other_complete),
    ]
}

fn capsules(scene: &Scene) -> Vec<Call> {
    let opaque = |len| Some(PersonRef::Opaque("s".repeat(len)));
    let (create, add, remove, leave) = (
        "capsules_create",
        "capsules_add_controller",
        "capsules_remove_controller",
        "capsules_leave",
    );
    let (own, foreign) = (scene.capsule.as_str(), scene.alice_capsule.as_str());
    let friend = person("friend");
    vec![
        call(create, "own, again", Taken, (None::<PersonRef>,)),
        call(create, "new subject", Taken, (opaque(MAX_ID_BYTES),)),
        call(
            create,
            "subject too long",
            Refused,
            (opaque(MAX_ID_BYTES + 1),),
        ),
        call(add, "own capsule", Taken, (own, friend)),
        call(add, "foreign capsule", Refused, (foreign, friend)),
        call(remove, "own capsule", Taken, (own, friend)),
        call(remove, "foreign capsule", Refused, (foreign, friend)),
        call(leave, "own capsule", Refused, (own,)),
        call(leave, "foreign capsule", Taken, (foreign,)),
    ]
}

fn memories(scene: &Scene) -> Vec<Call> {
    let on = |method| {
        move |situation, outcome, memory: &str| call(method, situation, outcome, (memory,))
    };
    let (read, delete, restore, purge) = (
        on("memories_read_certified"),
        on("memories_delete"),
        on("memories_restore"),
        on("memories_purge"),
    );
    let (own, foreign) = (scene.memory.as_str(), scene.alice_memory.as_str());
    vec![
        read("foreign memory", Refused, foreign),
        read("no memory", Refused, "mem_999999"),
        read("own memory", Taken, own),
        delete("foreign memory", Refused, foreign),
        restore("foreign memory", Refused, foreign),
        purge("foreign memory", Refused, foreign),
        delete("no memory", Refused, "mem_999999"),
        purge("not in the trash", Refused, own),
        delete("own memory", Taken, own),
        delete("again", Taken, own),
        restore("own memory", Taken, own),
        restore("again", Taken, own),
        delete("once more", Taken, own),
        purge("own memory", Taken, own),
        purge("again", Taken, own),
    ]
}

/// Queries that are sent as updates.
fn queries(scene: &Scene) -> Vec<Call> {
    let plain = |method| call(method, "as an update", Taken, ());
    vec![
        plain("upload_config"),
        plain("uploads_list"),
        plain("sessions_list"),
        plain("sessions_stats"),
        call("uploads_status", "as an update", Taken, (scene.pending,)),
    ]
}

/// Methods of canister controllers, and of the canisters behind the gateway.
fn operators() -> Vec<Call> {
    let somebody = person("somebody");
    let behind = |part, method| Call {
        part,
        ..call(method, "directly", Rejected, ())
    };
    vec![
        call("configure", "stranger", Rejected, (GatewayArgs::default(),)),
        call("configuration", "stranger", Rejected, ()),
        call("sessions_cleanup_expired", "stranger", Rejected, ()),
        call("sessions_holders", "stranger", Rejected, ()),
        call("sessions_end", "stranger", Rejected, (vec![1u64],)),
        call("stores_add", "stranger", Rejected, (somebody,)),
        call("stores_remove", "stranger", Rejected, (somebody,)),
        call("stores_retire", "stranger", Rejected, (somebody,)),
        call(
            "stores_set_state",
            "stranger",
            Rejected,
            (somebody, StoreState::Draining),
        ),
        call(
            "stores_set_capacity",
            "stranger",
            Rejected,
            (somebody, None::<u64>),
        ),
        call("stores_list", "stranger", Rejected, ()),
        call("principals_add", "stranger", Rejected, (vec![somebody],)),
        call("principals_remove", "stranger", Rejected, (vec![somebody],)),
        call("principals_block", "stranger", Rejected, (vec![somebody],)),
        call(
            "principals_unblock",
            "stranger",
            Rejected,
            (vec![somebody],),
        ),
        behind(Part::BlobStore, "blob_put_chunk"),
        behind(Part::MemoryIndex, "memory_delete"),
    ]
}
