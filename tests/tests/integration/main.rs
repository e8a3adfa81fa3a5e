//! Integration tests on the real wasm of all three canisters.
//!
//! They are one program, so that all tests share one engine. Each test has its own network.

mod admission;
mod agents;
mod bad_arguments;
mod cli;
mod controllers;
mod deletion;
mod deploy_tools;
mod double;
mod draining;
mod finding;
mod flood;
mod full_store;
mod funds;
mod gate;
mod handing_over;
mod histories;
mod integrity;
mod jobs;
mod js_agents;
mod live;
mod logs;
mod memories;
mod metrics;
mod much_data;
mod ranges;
mod release_0_1_0;
mod resume;
mod retries;
mod rights;
mod self_check;
mod senders;
mod sharing;
mod slips;
mod strangers;
mod superblocks;
mod takeover;
mod trash;
mod up;
mod upgrades;
mod uploads;
mod waiting;
mod watching;
mod wild_clients;

use capsule_shared::Error;
use pocket_ic::ErrorCode;
use sha2::{Digest, Sha256};
use tools::client::{CallError, Called, Client, Uploaded};
use tools::source::UploadSpec;

/// The largest chunk size, which `upload_config` advises.
const CHUNK: usize = capsule_shared::limits::MAX_CHUNK_BYTES;

/// Pseudo-random bytes, the same for the same seed.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.to_le_bytes());
    }
    out.truncate(length);
    out
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Returns the caller's own capsule, and creates it if needed.
fn capsule(client: &Client) -> String {
    client.capsules_create(None).unwrap().id
}

/// Uploads `data` into the client's own capsule.
fn upload(client: &Client, spec: &UploadSpec, data: &[u8]) -> Called<Uploaded> {
    client.upload(&capsule(client), spec, data, |_| ())
}

/// Reads all bytes of a blob, chunk by chunk.
fn read_back(client: &Client, locator: &str) -> Vec<u8> {
    let mut all = Vec::new();
    let meta = client
        .download(locator, |chunk| all.extend_from_slice(chunk))
        .unwrap();
    assert_eq!(meta.size, all.len() as u64);
    all
}

/// Begins in the client's own capsule and puts the first `count` chunks.
fn begin_and_put(client: &Client, spec: &UploadSpec, data: &[u8], count: usize) -> u64 {
    let session = client.begin(&capsule(client), spec).unwrap();
    put(client, session, spec, data, 0..count);
    session
}

/// Puts the chunks of a range.
fn put(
    client: &Client,
    session: u64,
    spec: &UploadSpec,
    data: &[u8],
    range: std::ops::Range<usize>,
) {
    for (index, chunk) in data.chunks(spec.chunk_size).enumerate() {
        if range.contains(&index) {
            client.put_chunk(session, index as u32, chunk).unwrap();
        }
    }
}

/// The error of a call that the canister must refuse.
#[track_caller]
fn refused<T: std::fmt::Debug>(called: Called<T>) -> Error {
    match called {
        Err(CallError::Refused(error)) => error,
        other => panic!("expected an error of the canister, got {other:?}"),
    }
}

/// Inspection must refuse the message.
#[track_caller]
fn turned_away<T: std::fmt::Debug>(called: Called<T>) {
    match called {
        Err(CallError::Rejected(reject)) => {
            assert_eq!(
                reject.error_code,
                ErrorCode::CanisterRejectedMessage,
                "{reject:?}"
            );
        }
        other => panic!("expected a message that is refused, got {other:?}"),
    }
}

/// The text of an `InvalidArgument`.
#[track_caller]
fn invalid<T: std::fmt::Debug>(called: Called<T>) -> String {
    match refused(called) {
        Error::InvalidArgument(text) => text,
        other => panic!("expected InvalidArgument, got {other:?}"),
    }
}

#[track_caller]
fn is_conflict<T: std::fmt::Debug>(called: Called<T>) {
    let error = refused(called);
    assert!(matches!(error, Error::Conflict(_)), "{error:?}");
}
