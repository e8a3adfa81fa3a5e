//! Finish is Ok only for exactly the bytes that the client means.

use crate::{begin_and_put, bytes, invalid, put, read_back, sha256, upload};
use tools::deployment::{deploy, person};
use tools::source::UploadSpec;

#[test]
fn a_wrong_hash_is_refused_and_the_right_one_accepted_after_it() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("file", 1_000).in_chunks_of(300, 1_000);
    let session = begin_and_put(&client, &spec, &data, 4);
    let mut wrong = sha256(&data);
    wrong[31] ^= 1;
    let text = invalid(client.finish(session, &wrong, 1_000));
    assert!(text.starts_with("checksum_mismatch: "), "{text}");
    for length in [0, 31, 33] {
        let text = invalid(client.finish(session, &vec![0; length], 1_000));
        assert!(text.contains("32"), "{text}");
    }
    let result = client.finish(session, &sha256(&data), 1_000).unwrap();
    assert!(read_back(&client, &result.blob_id) == data);
}

#[test]
fn a_wrong_length_is_refused_and_the_right_one_accepted_after_it() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("file", 0).in_chunks_of(300, 1_000);
    let session = begin_and_put(&client, &spec, &data, 4);
    for wrong in [0, 999, 1_001, u64::MAX] {
        let text = invalid(client.finish(session, &sha256(&data), wrong));
        assert!(text.contains("1000"), "{text}");
    }
    client.finish(session, &sha256(&data), 1_000).unwrap();
}

#[test]
fn a_missing_chunk_is_named_and_can_be_sent_late() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("file", 1_000).in_chunks_of(300, 1_000);
    let session = begin_and_put(&client, &spec, &data, 3);
    invalid(client.finish(session, &sha256(&data), 1_000));
    put(&client, session, &spec, &data, 3..4);
    let result = client.finish(session, &sha256(&data), 1_000).unwrap();
    assert!(read_back(&client, &result.blob_id) == data);
}

#[test]
fn an_index_out_of_range_is_refused() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(1_000, 1);
    let spec = UploadSpec::document("file", 1_000).in_chunks_of(300, 1_000);
    let session = begin_and_put(&client, &spec, &data, 1);
    for index in [4, u32::MAX] {
        invalid(client.put_chunk(session, index, &data[..300]));
    }
    put(&client, session, &spec, &data, 1..4);
    client.finish(session, &sha256(&data), 1_000).unwrap();
}

#[test]
fn a_bad_chunk_does_not_spoil_the_file() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let data = bytes(900, 1);
    let spec = UploadSpec::document("file", 900).in_chunks_of(300, 900);
    let session = begin_and_put(&client, &spec, &data, 1);
    // Chunks that are too long, too short or out of range must not reach the hash.
    invalid(client.put_chunk(session, 1, &bytes(301, 9)));
    invalid(client.put_chunk(session, 1, &bytes(299, 9)));
    invalid(client.put_chunk(session, 3, &bytes(300, 9)));
    put(&client, session, &spec, &data, 1..3);
    client.finish(session, &sha256(&data), 900).unwrap();
}

#[test]
fn reading_past_the_end_is_refused() {
    let deployment = deploy();
    let client = deployment.client(person("alice"));
    let uploaded = upload(&client, &UploadSpec::document("file", 3), b"abc").unwrap();
    for index in [1, u32::MAX] {
        assert!(
            client
                .blob_read_chunk(&uploaded.result.blob_id, index)
                .is_err()
        );
    }
    for locator in ["", "blob_", "42", "blob_042"] {
        assert!(client.blob_meta(locator).is_err(), "{locator}");
    }
}
