//! The canisters of release 0.1.0, with data in every table and jobs of every kind in the queue.
//!
//! Gates before the store and the index stop each kind of work at a known point.

use super::assets::all_kinds;
use crate::gate::Gate;
use crate::metrics::sample;
use crate::waiting::{in_network_time, jobs_done};
use crate::{bytes, capsule, put, refused, sha256};
use candid::Principal;
use capsule_shared::capsule::PersonRef;
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs};
use capsule_shared::upload::UploadFinishResult;
use std::ops::Range;
use tools::client::{Called, Client, Uploaded};
use tools::deployment::{Created, Deployment, Lines, Part, person, release_0_1_0};
use tools::engine::network;
use tools::source::UploadSpec;

/// The length of most files, and of their chunks.
pub const LENGTH: usize = 1_000;
const CHUNK: usize = 200;

/// Chunks of the upload `pending` that arrive before the upgrades.
pub const SENT: usize = 1;

/// Chunks of one byte: more than the store hashes or deletes in one message.
pub const MANY: usize = 1_100;

/// Chunks in flight at once.
const AT_ONCE: usize = 32;

const DAY_NS: u64 = 24 * 3_600 * 1_000_000_000;

/// A committed upload, by its owner.
pub struct Committed {
    pub who: Principal,
    pub spec: UploadSpec,
    pub data: Vec<u8>,
    pub uploaded: Uploaded,
}

/// An upload that is still open, by its owner.
pub struct Open {
    pub who: Principal,
    pub capsule: String,
    pub spec: UploadSpec,
    pub data: Vec<u8>,
    pub session: u64,
}

/// The filled canisters, and what their clients know.
pub struct Filled {
    pub deployment: Deployment,
    pub store_gate: Gate,
    pub index_gate: Gate,
    pub capsules: Vec<String>,
    pub committed: Vec<Committed>,
    /// In order, with a declared size.
    pub pending: Open,
    /// With gaps, and without a declared size.
    pub gaps: Open,
    /// Complete; the store has hashed half of it.
    pub half_hashed: Open,
    /// Without any chunk.
    pub empty: Open,
    /// Finishing; the index hasn't answered.
    pub finishing: Open,
    /// A memory that is deleted for good.
    pub deleted: (Principal, String),
    /// A memory whose deletion is noted; the index hasn't answered.
    pub deletion_noted: (Principal, String),
}

/// Settings that all differ from the defaults.
pub fn settings() -> GatewayArgs {
    let creators = ["alice", "bob"].map(person);
    GatewayArgs {
        memory_index: None,
        blob_stores: None,
        allow_anonymous: Some(true),
        capsule_creators: Some(CapsuleCreators::Listed(creators.to_vec())),
        max_sessions_per_principal: Some(50),
        max_sessions_per_capsule: Some(60),
        max_sessions: Some(700),
        max_bytes_per_capsule: Some(1 << 30),
        session_ttl_ns: Some(3 * DAY_NS),
        committed_retention_ns: Some(2 * DAY_NS),
        reorder_window: Some(32),
        ..GatewayArgs::default()
    }
}

impl Filled {
    pub fn new() -> Self {
        let created = Created::on(network()).with_modules(release_0_1_0);
        let store_gate = Gate(created.chaos_before(Part::BlobStore));
        let index_gate = Gate(created.chaos_before(Part::MemoryIndex));
        let lines = Lines {
            store: Some(store_gate.0),
            index: Some(index_gate.0),
            auditor: Some(person("auditor")),
        };
        let deployment = created.install_behind(lines, settings());
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(person);
        let capsules = make_capsules(&deployment);
        let [own, opaque, bobs] = [&capsules[0], &capsules[1], &capsules[2]].map(String::as_str);

        let [note, image, document, audio, video] = all_kinds(LENGTH as u64);
        let committed = [
            (carol, own, note),
            (alice, own, image),
            (alice, opaque, document),
            (alice, opaque, audio),
            (bob, bobs, video),
        ];
        let committed = committed.map(|(who, capsule, metadata)| {
            let name = metadata.base().name.clone();
            let spec = UploadSpec {
                metadata,
                ..spec(&name, LENGTH as u64)
            };
            commit(&deployment, who, capsule, spec)
        });

        // A deletion that is complete. The gateway remembers it for a day.
        let deleted = commit(&deployment, bob, bobs, spec("deleted", LENGTH as u64));
        let deleted = (bob, deleted.uploaded.result.memory_id);
        deployment.client(bob).memories_delete(&deleted.1).unwrap();
        jobs_done(&deployment, "delete_blob");

        let half_hashed = half_hash(&deployment, store_gate, bob, bobs);
        half_delete(&deployment, store_gate, alice, own);
        // Jobs that guard finished work go when their time comes.
        for kind in ["finish", "delete_memory"] {
            jobs_done(&deployment, kind);
        }

        // An aborted upload, whose blob can't be deleted now.
        let aborted = open(&deployment, bob, bobs, spec("aborted", LENGTH as u64), 1);
        deployment.client(bob).abort(aborted.session).unwrap();

        // A begin whose answer from the store is lost.
        store_gate.admit(&deployment, "blob_release", 0);
        store_gate.lose_answer(&deployment, "blob_open");
        let lost = deployment
            .client(bob)
            .begin(bobs, &spec("lost", LENGTH as u64));
        assert!(refused(lost).is_temporary());

        // A finish and a deletion without an answer from the index.
        index_gate.admit(&deployment, "memory_commit", 0);
        index_gate.admit(&deployment, "memory_delete", 0);
        let finishing = open(&deployment, bob, bobs, spec("finishing", LENGTH as u64), 5);
        let finish = finishing.finish(&deployment.client(bob));
        assert!(refused(finish).is_temporary());
        let deletion_noted = (alice, committed[1].uploaded.result.memory_id.clone());
        let delete = deployment.client(alice).memories_delete(&deletion_noted.1);
        assert!(refused(delete).is_temporary());

        let pending = open(
            &deployment,
            alice,
            own,
            spec("pending", LENGTH as u64),
            SENT,
        );
        let gaps = open(&deployment, carol, own, spec("gaps", 0), 1);
        for chunk in [2, 1, 4] {
            gaps.put(&deployment, chunk..chunk + 1);
        }
        let empty = open(&deployment, alice, opaque, spec("empty", LENGTH as u64), 0);
        check_jobs(&deployment);
        Filled {
            store_gate,
            index_gate,
            committed: committed.into(),
            pending,
            gaps,
            half_hashed,
            empty,
            finishing,
            deleted,
            deletion_noted,
            capsules,
            deployment,
        }
    }

    /// Finds the upload `pending` by its key, and sends one more chunk.
    pub fn put_pending(&self, chunk: usize) {
        let pending = &self.pending;
        let client = self.deployment.client(pending.who);
        let found = client.begin(&pending.capsule, &pending.spec);
        assert_eq!(found, Ok(pending.session));
        pending.put(&self.deployment, chunk..chunk + 1);
    }

    /// The store or the index, as a registered gateway calls it.
    pub fn auditor(&self, part: Part) -> Client<'_> {
        let auditor = person("auditor");
        Client::new(&self.deployment.pic, self.deployment.id(part), auditor)
    }
}

impl Open {
    pub fn put(&self, deployment: &Deployment, chunks: Range<usize>) {
        let client = deployment.client(self.who);
        put(&client, self.session, &self.spec, &self.data, chunks);
    }

    pub fn finish(&self, client: &Client) -> Called<UploadFinishResult> {
        client.finish(self.session, &sha256(&self.data), self.data.len() as u64)
    }
}

/// Creates two capsules of Alice, one about an opaque person, and one of Bob.
///
/// Carol is a capsule controller of Alice's own capsule. Dave was one. Each peer gets one more
/// gateway.
fn make_capsules(deployment: &Deployment) -> Vec<String> {
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let subject = PersonRef::Opaque("grandmother".into());
    let opaque = alice.capsules_create(Some(subject)).unwrap().id;
    let bobs = capsule(&deployment.client(person("bob")));
    alice.add_controller(&own, person("carol")).unwrap();
    alice.add_controller(&own, person("dave")).unwrap();
    alice.remove_controller(&own, person("dave")).unwrap();
    for part in [Part::BlobStore, Part::MemoryIndex] {
        let id = deployment.id(part);
        let controller = Client::new(&deployment.pic, id, deployment.controller);
        let second = (person("second gateway"),);
        controller
            .update::<()>("gateways_register", second)
            .unwrap();
    }
    vec![own, opaque, bobs]
}

/// The queue has jobs of every kind.
fn check_jobs(deployment: &Deployment) {
    for (kind, count) in [
        ("delete_blob", 2.0),
        ("release_blob", 1.0),
        ("finish", 1.0),
        ("digest", 2.0),
        ("delete_memory", 1.0),
        ("forget_deletion", 2.0),
    ] {
        let name = format!("upload_gateway_jobs{{kind=\"{kind}\"}}");
        assert_eq!(sample(deployment, &name), count, "{kind}");
    }
}

fn spec(name: &str, declared: u64) -> UploadSpec {
    UploadSpec::document(name, declared).in_chunks_of(CHUNK, LENGTH as u64)
}

fn data(name: &str) -> Vec<u8> {
    bytes(LENGTH, name.bytes().map(u64::from).sum())
}

fn commit(deployment: &Deployment, who: Principal, capsule: &str, spec: UploadSpec) -> Committed {
    let data = data(&spec.metadata.base().name);
    let client = deployment.client(who);
    let uploaded = client.upload(capsule, &spec, &data[..], |_| ()).unwrap();
    Committed {
        who,
        spec,
        data,
        uploaded,
    }
}

/// Begins an upload and puts its first chunks.
fn open(
    deployment: &Deployment,
    who: Principal,
    capsule: &str,
    spec: UploadSpec,
    chunks: usize,
) -> Open {
    let session = deployment.client(who).begin(capsule, &spec).unwrap();
    let open = Open {
        who,
        capsule: capsule.into(),
        data: data(&spec.metadata.base().name),
        spec,
        session,
    };
    open.put(deployment, 0..chunks);
    open
}

/// Uploads a file in many chunks in this order.
fn open_many(
    deployment: &Deployment,
    who: Principal,
    capsule: &str,
    name: &str,
    indexes: &[usize],
) -> Open {
    let spec = UploadSpec::document(name, MANY as u64).in_chunks_of(1, MANY as u64);
    let data = bytes(MANY, 1);
    let client = deployment.client(who);
    let session = client.begin(capsule, &spec).unwrap();
    for batch in indexes.chunks(AT_ONCE) {
        let sent = batch.iter().map(|i| {
            let chunk = &data[*i..=*i];
            client.send_chunk(session, *i as u32, chunk).unwrap()
        });
        for call in sent.collect::<Vec<_>>() {
            client.chunk_answer(call).unwrap();
        }
    }
    Open {
        who,
        capsule: capsule.into(),
        spec,
        data,
        session,
    }
}

/// Leaves a complete upload that the store has hashed in part.
fn half_hash(deployment: &Deployment, store: Gate, who: Principal, capsule: &str) -> Open {
    store.admit(deployment, "blob_digest", 0);
    let mut indexes: Vec<usize> = (0..MANY).collect();
    // The rolling hash can't follow this order: the store has to hash.
    indexes.swap(0, 1);
    let many = open_many(deployment, who, capsule, "half hashed", &indexes);
    store.admit(deployment, "blob_digest", 1);
    one_slice(deployment, store, "blob_digest");
    many
}

/// Deletes a memory, and leaves a part of its blob in the store.
fn half_delete(deployment: &Deployment, store: Gate, who: Principal, capsule: &str) {
    let indexes: Vec<usize> = (0..MANY).collect();
    let many = open_many(deployment, who, capsule, "half deleted", &indexes);
    let client = deployment.client(who);
    let memory = many.finish(&client).unwrap().memory_id;
    store.admit(deployment, "blob_delete", 1);
    client.memories_delete(&memory).unwrap();
    one_slice(deployment, store, "blob_delete");
}

/// Waits until the one admitted call has passed and its answer has arrived.
fn one_slice(deployment: &Deployment, store: Gate, method: &str) {
    in_network_time(deployment, &format!("one {method}"), || {
        let open_calls = sample(deployment, "upload_gateway_open_calls");
        (store.is_used_up(deployment, method) && open_calls == 0.0).then_some(())
    });
}
