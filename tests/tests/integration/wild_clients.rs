//! The behaviour of frontends in the field.

use crate::{bytes, capsule, invalid, is_conflict, read_back, refused, sha256, upload};
use candid::Principal;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::{Error, limits};
use tools::deployment::{Created, deploy, person};
use tools::engine;
use tools::source::{UploadSpec, document};

#[test]
fn the_advised_sizes_are_frozen() {
    let deployment = deploy();
    let config = deployment.client(person("alice")).config().unwrap();
    assert_eq!(config.inline_max, 32_768);
    assert_eq!(config.chunk_size, 1_800_000);
    assert_eq!(config.inline_budget_per_capsule, 32_768);
}

#[test]
fn chunk_sizes_of_known_frontends_work() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    for chunk_size in [50, 64 * 1024, 1 << 20, 3 << 19, 1_800_000] {
        let data = bytes(2 * chunk_size + 1, chunk_size as u64);
        let length = data.len() as u64;
        let spec = UploadSpec::document(&format!("in {chunk_size}"), length)
            .in_chunks_of(chunk_size, length);
        let uploaded = upload(&client, &spec, &data).unwrap();
        assert!(read_back(&client, &uploaded.result.blob_id) == data);
    }
}

#[test]
fn a_chunk_is_at_most_1_800_000_bytes_and_at_least_one() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let mut spec = UploadSpec::document("file", 0);
    spec.expected_chunks = 1;
    let session = client.begin(&capsule(&client), &spec).unwrap();
    let largest = limits::MAX_CHUNK_BYTES;
    let text = invalid(client.put_chunk(session, 0, &bytes(largest + 1, 1)));
    assert!(
        text.contains("1800001") && text.contains("1800000"),
        "{text}"
    );
    invalid(client.put_chunk(session, 0, &[]));
    client.put_chunk(session, 0, &bytes(largest, 1)).unwrap();
}

#[test]
fn all_chunks_but_the_last_have_one_length() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let mut spec = UploadSpec::document("file", 0);
    spec.expected_chunks = 3;
    let session = client.begin(&capsule(&client), &spec).unwrap();
    client.put_chunk(session, 0, &bytes(100, 1)).unwrap();
    invalid(client.put_chunk(session, 1, &bytes(99, 2)));
    invalid(client.put_chunk(session, 1, &bytes(101, 2)));
    client.put_chunk(session, 1, &bytes(100, 2)).unwrap();
    invalid(client.put_chunk(session, 2, &bytes(101, 3)));
    client.put_chunk(session, 2, &bytes(1, 3)).unwrap();
}

#[test]
fn zero_declares_no_size_and_a_declared_size_must_match() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("undeclared", 0).in_chunks_of(600, 1_000);
    let undeclared = upload(&client, &spec, &data).unwrap();
    assert_eq!(undeclared.result.size, 1_000);

    let spec = UploadSpec::document("declared", 1_001).in_chunks_of(600, 1_000);
    let text = invalid(upload(&client, &spec, &data));
    assert!(text.contains("1001") && text.contains("1000"), "{text}");
}

#[test]
fn the_number_of_chunks_is_1_to_16384() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    let mut spec = UploadSpec::document("file", 0);
    for bad in [0, limits::MAX_CHUNKS + 1, u32::MAX] {
        spec.expected_chunks = bad;
        invalid(client.begin(&capsule, &spec));
    }
    spec.expected_chunks = limits::MAX_CHUNKS;
    client.begin(&capsule, &spec).unwrap();
}

#[test]
fn an_impossible_declared_size_is_refused_at_begin() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    for (declared, chunks) in [(1, 2), (1_800_001, 1)] {
        let mut spec = UploadSpec::document("file", declared);
        spec.expected_chunks = chunks;
        invalid(client.begin(&capsule, &spec));
    }
}

#[test]
fn begin_again_with_the_same_key_is_the_same_session() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let capsule = capsule(&client);
    let data = bytes(100, 1);
    let mut spec = UploadSpec::document("file", 100);
    let session = client.begin(&capsule, &spec).unwrap();
    assert_eq!(client.begin(&capsule, &spec).unwrap(), session);

    // Name, size and chunk count must stay; the rest of the metadata may differ.
    let mut other = document("file", 100);
    if let capsule_shared::asset::AssetMetadata::Document(document) = &mut other {
        document.base.updated_at = 77;
    }
    spec.metadata = other;
    assert_eq!(client.begin(&capsule, &spec).unwrap(), session);
    spec.metadata = document("another", 100);
    is_conflict(client.begin(&capsule, &spec));
    spec.metadata = document("file", 99);
    is_conflict(client.begin(&capsule, &spec));

    spec.metadata = document("file", 100);
    client.put_chunk(session, 0, &data).unwrap();
    client.finish(session, &sha256(&data), 100).unwrap();
    assert_eq!(client.begin(&capsule, &spec).unwrap(), session);
}

#[test]
fn an_unknown_session_is_not_found_and_never_a_trap() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    for unknown in [0, 1, 4_711, u64::MAX] {
        assert_eq!(refused(client.put_chunk(unknown, 0, &[1])), Error::NotFound);
        assert_eq!(
            refused(client.finish(unknown, &[0; 32], 1)),
            Error::NotFound
        );
        // Frontends abort twice.
        assert_eq!(client.abort(unknown), Ok(()));
    }
    for unknown in ["blob_1", "icp://blob/blob_1"] {
        assert_eq!(refused(client.blob_meta(unknown)), Error::NotFound);
        assert_eq!(refused(client.blob_read(unknown)), Error::NotFound);
        assert_eq!(refused(client.blob_read_chunk(unknown, 0)), Error::NotFound);
    }
}

#[test]
fn abort_ends_an_upload_and_may_be_repeated() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let spec = UploadSpec::document("file", 100);
    let session = client.begin(&capsule(&client), &spec).unwrap();
    client.put_chunk(session, 0, &bytes(100, 1)).unwrap();
    assert_eq!(client.abort(session), Ok(()));
    assert_eq!(client.abort(session), Ok(()));
    assert_eq!(
        refused(client.put_chunk(session, 0, &bytes(100, 1))),
        Error::NotFound
    );
    assert_eq!(
        refused(client.finish(session, &[0; 32], 100)),
        Error::NotFound
    );

    let done = upload(&client, &UploadSpec::document("done", 3), b"abc").unwrap();
    is_conflict(client.abort(done.session_id));
    assert!(read_back(&client, &done.result.blob_id) == b"abc");
}

#[test]
fn anonymous_clients_upload_where_the_operator_allows_it() {
    let refusing = deploy();
    let anonymous = refusing.client(Principal::anonymous());
    // Inspection may refuse these messages, too.
    assert!(anonymous.capsules_create(None).is_err());
    assert!(
        anonymous
            .begin("any", &UploadSpec::document("file", 1))
            .is_err()
    );

    let allowing = Created::on(engine::network()).install(GatewayArgs {
        allow_anonymous: Some(true),
        ..GatewayArgs::default()
    });
    let anonymous = allowing.client(Principal::anonymous());
    let uploaded = upload(&anonymous, &UploadSpec::document("file", 5), b"hello").unwrap();
    assert!(read_back(&anonymous, &uploaded.result.blob_id) == b"hello");
}

#[test]
fn statistics_have_the_known_form() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let spec = UploadSpec::document("pending", 9);
    client.begin(&capsule(&client), &spec).unwrap();
    upload(&client, &UploadSpec::document("done", 3), b"abc").unwrap();
    assert_eq!(
        client.sessions_stats().unwrap(),
        "Total sessions: 2, Pending: 1, Committed: 1"
    );
}

#[test]
fn capsules_create_is_idempotent() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    assert_eq!(refused(client.capsules_read_basic(None)), Error::NotFound);
    let first = client.capsules_create(None).unwrap();
    let again = client.capsules_create(None).unwrap();
    assert_eq!(first.id, again.id);
    let info = client.capsules_read_basic(None).unwrap();
    assert_eq!(info.capsule_id, first.id);
    assert!(info.is_owner && info.is_self_capsule);
    let listed = client.capsules_list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, first.id);
}
