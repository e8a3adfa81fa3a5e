//! The chunk store, and the installation of a module from chunks.

use crate::net::{Mode, Net, me, to_u64, user, words};
use crate::wasm;
use candid::Principal;
use ic_management_canister_types::{
    CanisterIdRecord, CanisterSettings, ChunkHash, InstallChunkedCodeArgs, UploadChunkArgs,
};
use sha2::{Digest, Sha256};

fn module() -> Vec<u8> {
    wasm::canister(
        r#"(func (export "canister_init") (global.set $x (call $arg_u64 (i32.const 0))))"#,
    )
}

fn upload(net: &mut Net, id: Principal, chunk: &[u8]) -> ChunkHash {
    let args = UploadChunkArgs {
        canister_id: id,
        chunk: chunk.to_vec(),
    };
    let answer = net.manage("upload_chunk", &args).unwrap();
    candid::decode_one(&answer).unwrap()
}

fn stored(net: &mut Net, id: Principal) -> Vec<ChunkHash> {
    candid::decode_one(&net.control("stored_chunks", id).unwrap()).unwrap()
}

fn args(
    target: Principal,
    store: Option<Principal>,
    chunks: &[ChunkHash],
) -> InstallChunkedCodeArgs {
    InstallChunkedCodeArgs {
        mode: Mode::Install,
        target_canister: target,
        store_canister: store,
        chunk_hashes_list: chunks.to_vec(),
        wasm_module_hash: Sha256::digest(module()).to_vec(),
        arg: 42u64.to_le_bytes().to_vec(),
        sender_canister_version: None,
    }
}

#[test]
fn a_module_in_chunks_is_installed_in_the_order_of_the_list() {
    let mut net = Net::new();
    let id = net.create();
    let module = module();
    let (head, tail) = module.split_at(1000);
    // the order of the uploads doesn't matter
    let second = upload(&mut net, id, tail);
    let first = upload(&mut net, id, head);
    assert_eq!(first.hash, Sha256::digest(head).to_vec());
    let mut kept: Vec<_> = stored(&mut net, id).into_iter().map(|c| c.hash).collect();
    kept.sort();
    let mut sent = vec![first.hash.clone(), second.hash.clone()];
    sent.sort();
    assert_eq!(kept, sent);

    let wrong = args(id, None, &[second.clone(), first.clone()]);
    let said = words(net.manage("install_chunked_code", &wrong));
    assert!(said.contains("does not match given hash"), "{said}");
    assert!(net.info(id).module_hash.is_none());
    let right = args(id, None, &[first, second]);
    net.manage("install_chunked_code", &right).unwrap();
    assert_eq!(net.x(id), 42);
    assert_eq!(
        net.info(id).module_hash,
        Some(Sha256::digest(&module).to_vec())
    );
    // the chunks stay until they are cleared
    assert_eq!(stored(&mut net, id).len(), 2);
    net.control("clear_chunk_store", id).unwrap();
    assert!(stored(&mut net, id).is_empty());
}

#[test]
fn the_chunks_may_be_in_another_canister_of_the_same_controller() {
    let mut net = Net::new();
    let (store, target, foreign) = (net.create(), net.create(), net.create());
    let chunk = upload(&mut net, store, &module());
    net.manage(
        "install_chunked_code",
        &args(target, Some(store), std::slice::from_ref(&chunk)),
    )
    .unwrap();
    assert_eq!(to_u64(net.query(target, "x", b"")), 42);

    // a controller of the target who doesn't control the store may not use its chunks
    let alice = user("alice");
    net.settings(
        foreign,
        CanisterSettings {
            controllers: Some(vec![me(), alice]),
            ..Default::default()
        },
    );
    let refused = net.manage_as(
        alice,
        "install_chunked_code",
        &args(foreign, Some(store), &[chunk]),
    );
    assert_eq!(refused.unwrap_err().error_code, 512);
    assert!(net.info(foreign).module_hash.is_none());
}

#[test]
fn a_missing_or_oversized_chunk_is_reported() {
    let mut net = Net::new();
    let id = net.create();
    let missing = ChunkHash { hash: vec![1; 32] };
    let said = words(net.manage("install_chunked_code", &args(id, None, &[missing])));
    assert!(
        said.starts_with("5 504: Error from Wasm chunk store: Chunk hash"),
        "{said}"
    );
    upload(&mut net, id, &vec![0; 1_048_576]);
    let large = UploadChunkArgs {
        canister_id: id,
        chunk: vec![0; 1_048_577],
    };
    let said = words(net.manage("upload_chunk", &large));
    assert_eq!(
        said,
        "5 504: Error from Wasm chunk store: \
         Wasm chunk size 1048577 exceeds the maximum chunk size of 1048576."
    );
    let stranger = net.manage_as(
        user("bob"),
        "stored_chunks",
        &CanisterIdRecord { canister_id: id },
    );
    assert_eq!(stranger.unwrap_err().error_code, 512);
}
