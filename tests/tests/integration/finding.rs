//! Memories are found by their SHA-256, listed the newest first, and read with a certified answer.

use crate::{bytes, capsule, invalid, refused, sha256, turned_away, upload};
use capsule_shared::Error;
use capsule_shared::asset::AssetType;
use tools::client::Client;
use tools::deployment::{deploy, person};
use tools::source::{UploadSpec, document};

/// Uploads these files in turn, and returns the ids of their memories.
fn upload_all(client: &Client, files: &[&[u8]]) -> Vec<String> {
    let upload = |(number, file): (usize, &&[u8])| {
        let spec = UploadSpec::document(&format!("file {number}"), file.len() as u64);
        upload(client, &spec, file).unwrap().result.memory_id
    };
    files.iter().enumerate().map(upload).collect()
}

fn found(client: &Client, capsule: &str, file: &[u8]) -> Vec<String> {
    let found = client.memories_find(capsule, &sha256(file)).unwrap();
    found.into_iter().map(|memory| memory.id).collect()
}

#[test]
fn a_file_is_found_by_its_sha256_while_it_is_listed() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let (twice, once) = (bytes(500, 1), bytes(500, 2));
    let ids = upload_all(&alice, &[&twice, &once, &twice]);
    let both = [ids[2].clone(), ids[0].clone()];
    assert_eq!(found(&alice, &own, &twice), both);
    assert_eq!(found(&alice, &own, &once), [ids[1].clone()]);
    assert_eq!(found(&alice, &own, b"another"), [""; 0]);
    let listed = alice.memories_list(&own, None, None).unwrap().memories;
    let told = alice.memories_find(&own, &sha256(&once)).unwrap();
    assert_eq!(told, [listed[1].clone()]);

    alice.memories_delete(&ids[2]).unwrap();
    assert_eq!(found(&alice, &own, &twice), [ids[0].clone()]);
    alice.memories_restore(&ids[2]).unwrap();
    assert_eq!(found(&alice, &own, &twice), both);
    alice.memories_delete(&ids[0]).unwrap();
    alice.memories_purge(&ids[0]).unwrap();
    assert_eq!(found(&alice, &own, &twice), [ids[2].clone()]);

    for length in [0, 31, 33] {
        let text = invalid(alice.memories_find(&own, &vec![1; length]));
        let expected = format!("sha256 length is {length} bytes, expected 32");
        assert_eq!(text, expected);
    }
    let mallory = deployment.client(person("mallory"));
    for file in [&twice[..], b"another"] {
        let told = mallory.memories_find(&own, &sha256(file));
        assert_eq!(refused(told), Error::Unauthorized);
    }
    let nowhere = alice.memories_find("capsule-99", &sha256(&once));
    assert_eq!(refused(nowhere), Error::NotFound);
}

#[test]
fn the_newest_memories_may_come_first() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let files: Vec<_> = (0..7).map(|seed| bytes(10, seed)).collect();
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let mut ids = upload_all(&alice, &files);
    ids.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut listed, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = alice
                .memories_list_newest(&own, cursor.as_deref(), Some(limit))
                .unwrap();
            assert_eq!(page.newest_first, Some(true));
            assert!(page.memories.len() <= limit as usize);
            listed.extend(page.memories.into_iter().map(|memory| memory.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, ids, "{limit}");
    }
    // Clients of release 0.1.0 send no order.
    let page = alice.memories_list(&own, None, Some(1)).unwrap();
    assert_eq!(page.newest_first, Some(false));
    assert_eq!(page.memories[0].id, ids[6]);
    invalid(alice.memories_list_newest(&own, Some("the last page"), None));
}

#[test]
fn a_certified_read_is_the_same_read_as_an_update() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let ids = upload_all(&alice, &[b"abc"]);
    let read = alice.memories_read(&ids[0]).unwrap();
    assert_eq!(alice.memories_read_certified(&ids[0]), Ok(read));
    let mallory = deployment.client(person("mallory"));
    for id in [&ids[0], "mem_99", "no id"] {
        let told = mallory.memories_read_certified(id);
        assert_eq!(refused(told), Error::NotFound, "{id}");
    }
    invalid(alice.memories_read_certified(""));
    let anonymous = deployment.client(candid::Principal::anonymous());
    turned_away(anonymous.memories_read_certified(&ids[0]));
    alice.memories_delete(&ids[0]).unwrap();
    let trashed = alice.memories_read_certified(&ids[0]);
    assert_eq!(refused(trashed), Error::NotFound);
}

#[test]
fn lists_show_what_the_metadata_say() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let own = capsule(&alice);
    let parent = sha256(b"the original");
    let digits: String = parent.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut spec = UploadSpec::document("thumbnail", 3);
    let mut metadata = document("thumbnail", 3);
    let capsule_shared::asset::AssetMetadata::Document(thumbnail) = &mut metadata else {
        panic!("a document is of another kind");
    };
    thumbnail.base.asset_type = AssetType::Thumbnail;
    thumbnail.base.created_at = 1_577_836_800_000_000_000;
    thumbnail.base.storage_key = Some("summer/thumbnail.jpg".into());
    thumbnail.base.tags = vec!["summer".into(), format!("parent:{digits}")];
    spec.metadata = metadata;
    let uploaded = upload(&alice, &spec, b"abc").unwrap();
    let check = |memory: &capsule_shared::memory_index::MemoryHeader| {
        assert_eq!(memory.id, uploaded.result.memory_id);
        assert_eq!(memory.asset_type, Some(AssetType::Thumbnail));
        assert_eq!(memory.created_at, Some(1_577_836_800_000_000_000));
        assert_eq!(memory.path.as_deref(), Some("summer/thumbnail.jpg"));
        assert_eq!(memory.parent.as_ref(), Some(&digits));
    };
    check(&alice.memories_list(&own, None, None).unwrap().memories[0]);
    check(&alice.memories_find(&own, &sha256(b"abc")).unwrap()[0]);
    alice.memories_delete(&uploaded.result.memory_id).unwrap();
    check(&alice.memories_trash(&own, None, None).unwrap().memories[0].memory);
}
