//! The people and the data that hostile calls meet, and the measuring of one call.

use super::call::{Call, Sender};
use super::row::{HostileRow, Outcome};
use crate::client::{Called, Client};
use crate::deployment::{Deployment, Part, person, wasm};
use crate::source::UploadSpec;
use crate::statistics::{self, Statistics};
use candid::{Encode, Principal, Reserved, decode_one, encode_args};
use capsule_shared::Error;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::limits::{MAX_CHUNK_BYTES, MAX_METADATA_BYTES, MAX_NAME_BYTES};
use serde_bytes::{ByteBuf, Bytes};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Pending sessions of the stranger, so that its lists are long.
const SESSIONS: usize = 90;

/// The gateway asks its stores for reports so often.
const REPORTS_EVERY: Duration = Duration::from_secs(600);

/// Turns of the timer before and after each call. They run the jobs that it made.
const TURNS: usize = 6;

/// Cycles of the canister that forwards.
const CYCLES: u128 = 1_000_000_000_000_000;

/// Alice has a capsule with a memory and a pending upload. Mallory, the stranger, has a capsule,
/// uploads in every state, and a memory. A canister without any right forwards calls.
pub(super) struct Scene<'a> {
    deployment: &'a Deployment,
    pub alice_capsule: String,
    pub alice_session: u64,
    pub alice_memory: String,
    pub capsule: String,
    /// A pending upload of two chunks whose first one is stored.
    pub pending: u64,
    /// A pending upload whose only chunk is stored.
    pub complete: u64,
    /// A second one.
    pub other_complete: u64,
    pub memory: String,
    canister: Principal,
}

impl<'a> Scene<'a> {
    pub fn prepare(deployment: &'a Deployment) -> Called<Self> {
        let alice = deployment.client(person("Alice"));
        let alice_capsule = alice.capsules_create(None)?.id;
        let mallory = deployment.client(mallory());
        let capsule = mallory.capsules_create(None)?.id;
        let begin = |client: &Client, capsule: &str, name: &str, bytes| {
            client.begin(capsule, &spec(name, bytes))
        };
        let full = MAX_CHUNK_BYTES as u64;
        for number in 0..SESSIONS {
            begin(&mallory, &capsule, &format!("idle {number}"), full)?;
        }
        let pending = begin(&mallory, &capsule, "pending", 2 * full)?;
        mallory.put_chunk(pending, 0, &chunk(7))?;
        let complete = begin(&mallory, &capsule, "complete", full)?;
        mallory.put_chunk(complete, 0, &chunk(7))?;
        let other_complete = begin(&mallory, &capsule, "other", full)?;
        mallory.put_chunk(other_complete, 0, &chunk(7))?;
        let memory = upload(&mallory, &capsule)?;
        Ok(Scene {
            deployment,
            alice_session: begin(&alice, &alice_capsule, "pending", full)?,
            alice_memory: upload(&alice, &alice_capsule)?,
            alice_capsule,
            capsule,
            pending,
            complete,
            other_complete,
            memory,
            canister: install_canister(deployment),
        })
    }

    /// Makes the call, lets its jobs run, and reads the costs of all three canisters.
    ///
    /// # Errors
    /// When the call ends otherwise than expected.
    pub fn measure(&self, call: &Call) -> Result<HostileRow, String> {
        // Neither the jobs of earlier calls nor the next report of the store count for this one.
        let pic = &self.deployment.pic;
        pic.advance_time(REPORTS_EVERY);
        self.take_turns();
        statistics::clear(pic)?;
        let outcome = match self.send(call)? {
            None => Outcome::Rejected,
            Some(reply) => match decode_one::<Result<Reserved, Error>>(&reply) {
                Ok(Err(_)) if call.outcome != Outcome::Taken => Outcome::Refused,
                _ => Outcome::Taken,
            },
        };
        if outcome != call.outcome {
            return Err(format!(
                "`{}` is {}, expected {}",
                call.name(),
                outcome.name(),
                call.outcome.name()
            ));
        }
        self.take_turns();
        let mut all = statistics::read(pic)?;
        let mut costs = Statistics::default();
        for part in Part::ALL {
            let id = self.deployment.id(part).to_text();
            costs += &all.remove(&id).unwrap_or_default();
        }
        Ok(HostileRow {
            name: call.name(),
            outcome,
            costs,
        })
    }

    /// Returns the reply, or nothing if the message is rejected.
    ///
    /// # Errors
    /// When the canister that forwards it fails.
    fn send(&self, call: &Call) -> Result<Option<Vec<u8>>, String> {
        let (pic, part) = (&self.deployment.pic, self.deployment.id(call.part));
        let arg = &call.arg;
        if call.sender == Sender::Person {
            let reply = pic.update_call(part, mallory(), call.method, arg.clone());
            return Ok(reply.ok());
        }
        let forwarded = encode_args((part, call.method, Bytes::new(arg)));
        let forwarded = forwarded.expect("BUG: a call can be encoded");
        let reply = pic
            .update_call(self.canister, mallory(), "forward", forwarded)
            .map_err(|e| format!("`{}` can't be forwarded: {e}", call.name()))?;
        let answer: Result<ByteBuf, String> = decode_one(&reply).map_err(|e| e.to_string())?;
        Ok(answer.ok().map(ByteBuf::into_vec))
    }

    fn take_turns(&self) {
        for _ in 0..TURNS {
            self.deployment.pic.advance_time(Duration::from_secs(1));
            self.deployment.pic.tick();
        }
    }
}

/// Installs a canister that no other one knows.
fn install_canister(deployment: &Deployment) -> Principal {
    let controller = Some(deployment.controller);
    let pic = &deployment.pic;
    let id = pic.create_canister_with_settings(controller, None);
    pic.add_cycles(id, CYCLES);
    // It stands before no peer here: it only forwards.
    let peer = Encode!(&Principal::anonymous()).expect("BUG: an id can be encoded");
    pic.install_canister(id, wasm("chaos"), peer, controller);
    id
}

/// The stranger.
pub(super) fn mallory() -> Principal {
    person("Mallory")
}

/// A chunk of the most bytes.
pub(super) fn chunk(byte: u8) -> Vec<u8> {
    vec![byte; MAX_CHUNK_BYTES]
}

/// The SHA-256 of the chunk that the scene stores.
pub(super) fn digest() -> [u8; 32] {
    Sha256::digest(chunk(7)).into()
}

/// An upload with the longest name and the most metadata.
pub(super) fn spec(key: &str, bytes: u64) -> UploadSpec {
    let mut spec = UploadSpec::document(&"n".repeat(MAX_NAME_BYTES), bytes);
    spec.idempotency_key = key.to_string();
    let AssetMetadata::Document(document) = &mut spec.metadata else {
        unreachable!("BUG: the metadata are those of a document");
    };
    // Room for the other fields and for the types.
    let room = MAX_METADATA_BYTES - MAX_NAME_BYTES - 1_024;
    document.base.description = Some("d".repeat(room));
    spec
}

fn upload(client: &Client, capsule: &str) -> Called<String> {
    let spec = spec("stored", MAX_CHUNK_BYTES as u64);
    let uploaded = client.upload(capsule, &spec, chunk(7).as_slice(), |_| ())?;
    Ok(uploaded.result.memory_id)
}
