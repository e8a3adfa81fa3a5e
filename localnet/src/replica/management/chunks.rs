//! The chunk store, for installing modules that are larger than a message.

use super::answers::{decode, done, reply, with_help};
use crate::prices;
use crate::replica::network::Network;
use crate::replica::types::{Answer, Reject};
use candid::Principal;
use ic_management_canister_types::{ChunkHash, UploadChunkArgs};
use sha2::{Digest, Sha256};

/// An error of the chunk store.
pub fn store_error(what: impl std::fmt::Display) -> Reject {
    Reject::new(
        504,
        with_help(
            format!("Error from Wasm chunk store: {what}"),
            "Use the `stored_chunks` API to check which hashes are present or top up the canister \
             if it is low on cycles.",
            "wasm-chunk-store-error",
        ),
    )
}

/// `upload_chunk`.
pub fn upload(network: &mut Network, arg: &[u8]) -> Answer {
    let args: UploadChunkArgs = decode(arg)?;
    let id = args.canister_id;
    if args.chunk.len() > prices::MAX_CHUNK {
        return Err(store_error(format!(
            "Wasm chunk size {} exceeds the maximum chunk size of {}.",
            args.chunk.len(),
            prices::MAX_CHUNK
        )));
    }
    if let Some(debit) = network.heap_delta_excess(id) {
        return Err(store_error(format!(
            "Canister is heap delta rate limited. Current delta debit: {debit}, limit: {}.",
            prices::HEAP_DELTA_PER_ROUND
        )));
    }
    let canister = network.canisters.get_mut(&id);
    let canister = canister.ok_or_else(|| Reject::not_found(id))?;
    canister
        .charge(prices::UPLOAD_CHUNK)
        .map_err(|missing| Reject::out_of_cycles(id, missing))?;
    canister.statistics.management_cycles += prices::UPLOAD_CHUNK;
    canister.dirtied(prices::MAX_CHUNK as u64);
    let hash: [u8; 32] = Sha256::digest(&args.chunk).into();
    canister.chunks.insert(hash, args.chunk);
    reply(&ChunkHash {
        hash: hash.to_vec(),
    })
}

/// `stored_chunks`.
pub fn list(network: &Network, id: Principal) -> Answer {
    let hashes = network.canisters[&id].chunks.keys();
    reply(
        &hashes
            .map(|hash| ChunkHash {
                hash: hash.to_vec(),
            })
            .collect::<Vec<_>>(),
    )
}

/// `clear_chunk_store`.
pub fn clear(network: &mut Network, id: Principal) -> Answer {
    let canister = network.canisters.get_mut(&id).expect("BUG: checked before");
    canister.chunks.clear();
    done()
}
