//! Random bytes of the management canister.

use super::answers::reply;
use crate::replica::message::{Origin, Request};
use crate::replica::network::Network;
use sha2::{Digest, Sha256};

/// Answers `raw_rand` with bytes that are the same in every run of the same history.
pub fn answer_random(network: &mut Network, request: Request) {
    let Origin::Canister { id, callback, .. } = &request.origin else {
        unreachable!("BUG: only canisters get random bytes");
    };
    let mut hash = Sha256::new();
    hash.update(b"localnet random");
    hash.update(network.round_time.to_be_bytes());
    hash.update(id.as_slice());
    hash.update(callback.to_be_bytes());
    let bytes = serde_bytes::ByteBuf::from(hash.finalize().to_vec());
    network.answer(&request.origin, reply(&bytes), request.cycles);
}
