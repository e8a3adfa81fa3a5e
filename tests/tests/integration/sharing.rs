//! A blob moves from one store to another, through stops, upgrades and lost shares.

use crate::gate::Gate;
use crate::{CHUNK, bytes, refused, sha256, turned_away};
use candid::{Encode, Principal, decode_one, encode_args};
use capsule_shared::blob_store::{
    BlobStoreArgs, Declared, DeleteProgress, DigestProgress, PullProgress, SharedBlob, StoredBlob,
};
use capsule_shared::limits::MAX_RANGE_BYTES;
use capsule_shared::{BlobKey, Error, Result};
use serde_bytes::{ByteBuf, Bytes};
use tools::client::{Called, Client};
use tools::deployment::{Deployment, Part, deploy, person, wasm};

const KEY: BlobKey = BlobKey([7; 32]);

/// Pulls within which a blob must be done.
const MAX_PULLS: u32 = 100;

/// Rounds that a pull waits for the source.
const HELD_ROUNDS: u8 = 25;

/// Two stores, and a person who is a gateway of both.
struct Stores {
    deployment: Deployment,
    /// The store of the deployment.
    first: Principal,
    second: Principal,
}

impl Stores {
    fn deploy() -> Self {
        let deployment = deploy();
        let args = BlobStoreArgs {
            gateways: Some(vec![person("mover")]),
            ..Default::default()
        };
        let second = deployment.install_another(Part::BlobStore, &args);
        let stores = Stores {
            first: deployment.blob_store,
            second,
            deployment,
        };
        let registered = (person("mover"),);
        let controller = stores.of(stores.first, stores.deployment.controller);
        let done = controller.update::<()>("gateways_register", registered);
        done.unwrap();
        stores
    }

    /// Two stores, of which the second has pulled the first of three chunks.
    fn with_one_of_three_chunks_pulled() -> (Self, Vec<u8>, SharedBlob) {
        let stores = Self::deploy();
        let (from, into) = (stores.first, stores.second);
        let data = bytes(3 * CHUNK, 1);
        stores.upload(from, &data, CHUNK);
        stores.open(into, data.len());
        let blob = stores.share(from, into);
        let left = 2 * CHUNK as u64;
        let pulled = stores.pull(into, from, &blob);
        assert_eq!(pulled, Ok(PullProgress::Remaining(left)));
        (stores, data, blob)
    }

    fn of(&self, store: Principal, who: Principal) -> Client<'_> {
        Client::new(&self.deployment.pic, store, who)
    }

    fn mover(&self, store: Principal) -> Client<'_> {
        self.of(store, person("mover"))
    }

    fn open(&self, store: Principal, bytes: usize) {
        let declared = Declared {
            bytes: bytes as u64,
            known: true,
        };
        let opened = self
            .mover(store)
            .update::<()>("blob_open", (KEY, Some(declared)));
        opened.unwrap();
    }

    /// Stores and seals a blob.
    fn upload(&self, store: Principal, data: &[u8], chunk: usize) {
        self.open(store, data.len());
        for (index, bytes) in (0u32..).zip(data.chunks(chunk)) {
            let put = (KEY, index, Bytes::new(bytes));
            self.mover(store)
                .update::<()>("blob_put_chunk", put)
                .unwrap();
        }
        self.seal(store, data, chunk);
    }

    fn seal(&self, store: Principal, data: &[u8], chunk: usize) {
        let count = data.len().div_ceil(chunk) as u32;
        let args = (KEY, count, data.len() as u64, None::<ByteBuf>);
        self.mover(store).update::<()>("blob_seal", args).unwrap();
    }

    fn share(&self, store: Principal, with: Principal) -> SharedBlob {
        self.mover(store).update("blob_share", (KEY, with)).unwrap()
    }

    fn pull(&self, into: Principal, from: Principal, blob: &SharedBlob) -> Called<PullProgress> {
        self.mover(into).update("blob_pull", (KEY, from, blob))
    }

    /// Pulls until the blob is done, and returns the number of calls.
    fn pull_all(&self, into: Principal, from: Principal, blob: &SharedBlob) -> u32 {
        for calls in 1..=MAX_PULLS {
            match self.pull(into, from, blob).unwrap() {
                PullProgress::Done => return calls,
                PullProgress::Remaining(_) => {}
                PullProgress::NotShared => panic!("the blob isn't shared in call {calls}"),
            }
        }
        panic!("the blob isn't done after {MAX_PULLS} calls");
    }

    fn meta(&self, store: Principal) -> StoredBlob {
        self.mover(store).query("blob_meta", (KEY,)).unwrap()
    }

    /// Seals the copy, and checks that it is the original.
    fn check_copy(&self, from: Principal, into: Principal, data: &[u8], chunk: usize) {
        self.seal(into, data, chunk);
        assert_eq!(self.meta(into), self.meta(from));
        for store in [from, into] {
            let digest = loop {
                let mover = self.mover(store);
                match mover
                    .update::<DigestProgress>("blob_digest", (KEY,))
                    .unwrap()
                {
                    DigestProgress::Done(digest) => break digest,
                    DigestProgress::Hashed { .. } => {}
                }
            };
            assert_eq!(digest[..], sha256(data));
        }
        let mut copy = Vec::new();
        while copy.len() < data.len() {
            let args = (KEY, copy.len() as u64, MAX_RANGE_BYTES);
            let range = self.mover(into).query::<ByteBuf>("blob_read_range", args);
            copy.extend_from_slice(&range.unwrap());
        }
        assert!(copy == data);
        // Shared from here, it would have the same chunks.
        let [original, copy] =
            [(from, into), (into, from)].map(|(from, into)| self.share(from, into));
        assert_eq!(original, copy);
    }

    fn delete(&self, store: Principal) {
        let delete = || {
            self.mover(store)
                .update::<DeleteProgress>("blob_delete", (KEY,))
        };
        while delete().unwrap() != DeleteProgress::Done {}
    }
}

fn is_temporary<T: std::fmt::Debug>(called: Called<T>) {
    let error = refused(called);
    assert!(error.is_temporary(), "{error:?}");
}

#[test]
fn blobs_of_large_and_of_many_chunks_move_between_stores() {
    let stores = Stores::deploy();
    let (from, into) = (stores.first, stores.second);
    for (data, chunk, calls) in [
        (bytes(4 * CHUNK + 100, 1), CHUNK, 5),
        (bytes(3_000 * 50, 2), 50, 3),
    ] {
        stores.upload(from, &data, chunk);
        stores.open(into, data.len());
        let blob = stores.share(from, into);
        assert_eq!(stores.pull_all(into, from, &blob), calls);
        assert_eq!(stores.pull(into, from, &blob), Ok(PullProgress::Done));
        stores.check_copy(from, into, &data, chunk);
        // A gateway that missed the answer asks again.
        assert_eq!(stores.pull(into, from, &blob), Ok(PullProgress::Done));
        for store in [from, into] {
            stores.delete(store);
        }
    }
}

#[test]
fn a_pull_from_a_stopped_store_succeeds_later() {
    let (stores, data, blob) = Stores::with_one_of_three_chunks_pulled();
    let (from, into) = (stores.first, stores.second);
    stores.deployment.stop(Part::BlobStore);
    is_temporary(stores.pull(into, from, &blob));
    assert_eq!(stores.meta(into).chunk_count, 1);
    stores.deployment.start(Part::BlobStore);
    // A stop forgets no share.
    assert_eq!(stores.pull_all(into, from, &blob), 2);
    stores.check_copy(from, into, &data, CHUNK);
}

#[test]
fn a_store_that_forgot_its_shares_in_an_upgrade_shares_again() {
    let (stores, data, blob) = Stores::with_one_of_three_chunks_pulled();
    let (from, into) = (stores.first, stores.second);
    stores.deployment.upgrade(Part::BlobStore);
    for _ in 0..2 {
        assert_eq!(stores.pull(into, from, &blob), Ok(PullProgress::NotShared));
        assert_eq!(stores.meta(into).chunk_count, 1);
    }
    assert_eq!(stores.share(from, into), blob);
    assert_eq!(stores.pull_all(into, from, &blob), 2);
    stores.check_copy(from, into, &data, CHUNK);
}

#[test]
fn only_the_store_that_a_blob_is_shared_with_reads_it() {
    let stores = Stores::deploy();
    let (from, into) = (stores.first, stores.second);
    let data = bytes(1_000, 1);
    stores.upload(from, &data, 100);
    stores.share(from, into);
    let other = BlobKey([8; 32]);
    // Gateways have no share, and nobody learns which blobs exist.
    for who in [person("mallory"), person("mover"), Principal::anonymous()] {
        for key in [KEY, other] {
            let read = stores
                .of(from, who)
                .query::<ByteBuf>("blob_read_shared", (key, 0u64, 1u64));
            assert_eq!(refused(read), Error::Unauthorized);
        }
        let undecodable = stores
            .of(from, who)
            .query::<ByteBuf>("blob_read_shared", ("text",));
        assert_eq!(refused(undecodable), Error::Unauthorized);
    }
    let mallory = stores.of(from, person("mallory"));
    turned_away(mallory.update::<ByteBuf>("blob_read_shared", (KEY, 0u64, 1u64)));
    turned_away(mallory.update::<SharedBlob>("blob_share", (KEY, into)));
    // Only another canister can be another store.
    for with in [
        from,
        Principal::anonymous(),
        Principal::management_canister(),
    ] {
        let share = stores
            .mover(from)
            .update::<SharedBlob>("blob_share", (KEY, with));
        let error = refused(share);
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    }
}

#[test]
fn wrong_pulls_are_refused_and_change_nothing() {
    let stores = Stores::deploy();
    let (from, into) = (stores.first, stores.second);
    let data = bytes(1_000, 1);
    stores.upload(from, &data, 100);
    let blob = stores.share(from, into);
    assert_eq!(refused(stores.pull(into, from, &blob)), Error::NotFound);
    stores.open(into, data.len());
    for source in [
        into,
        Principal::anonymous(),
        Principal::management_canister(),
    ] {
        let error = refused(stores.pull(into, source, &blob));
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    }
    for wrong in [
        SharedBlob {
            chunk_count: 0,
            ..blob
        },
        SharedBlob {
            chunk_bytes: u32::MAX,
            ..blob
        },
        SharedBlob {
            bytes: u64::MAX,
            ..blob
        },
    ] {
        let error = refused(stores.pull(into, from, &wrong));
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    }
    // A blob with more bytes than the source has: its answer ends too early.
    let longer = SharedBlob {
        bytes: 1_100,
        chunk_count: 11,
        ..blob
    };
    let error = refused(stores.pull(into, from, &longer));
    assert!(matches!(error, Error::Conflict(_)), "{error:?}");
    // No canister, or another one.
    is_temporary(stores.pull(into, Principal::from_slice(&[1; 9]), &blob));
    is_temporary(stores.pull(into, stores.deployment.memory_index, &blob));
    let mallory = stores.of(into, person("mallory"));
    turned_away(mallory.update::<PullProgress>("blob_pull", (KEY, from, &blob)));
    assert_eq!(stores.meta(into).chunk_count, 0);
    assert_eq!(stores.pull(into, from, &blob), Ok(PullProgress::Done));
    stores.check_copy(from, into, &data, 100);
}

/// A chaos canister that passes calls on to a store.
fn chaos_before(deployment: &Deployment, store: Principal) -> Gate {
    Gate(deployment.create_installed(wasm("chaos"), Encode!(&store).unwrap()))
}

#[test]
fn an_upgrade_is_refused_while_a_pull_waits_for_its_source() {
    let stores = Stores::deploy();
    let (from, into) = (stores.second, stores.first);
    let deployment = &stores.deployment;
    let data = bytes(1_000, 1);
    stores.upload(from, &data, 100);
    stores.open(into, data.len());

    // The target takes the gate for the source, and the source takes it for the target.
    let gate = chaos_before(deployment, from);
    let blob = stores.share(from, gate.0);
    gate.admit(deployment, "blob_read_shared", 1);
    gate.hold(deployment, "blob_read_shared", HELD_ROUNDS);

    let args = encode_args((KEY, gate.0, &blob)).unwrap();
    let call = deployment
        .pic
        .submit_call(into, person("mover"), "blob_pull", args)
        .unwrap();
    let arrived = (0..20).any(|_| {
        deployment.pic.tick();
        gate.is_used_up(deployment, "blob_read_shared")
    });
    assert!(arrived, "the pull asks no source");
    let refusal = deployment.upgrade_rudely(Part::BlobStore).unwrap_err();
    let text = refusal.reject_message;
    let expected = text.contains("the upgrade is refused") && text.contains("calls are open");
    assert!(expected, "{text}");

    gate.open(deployment);
    let reply = deployment.pic.await_call(call).unwrap();
    let reply: Result<PullProgress> = decode_one(&reply).unwrap();
    // The pull goes on, unless its deadline passed meanwhile.
    if let Err(error) = &reply {
        assert!(error.is_temporary(), "{error:?}");
    }
    assert_eq!(stores.pull(into, gate.0, &blob), Ok(PullProgress::Done));
    deployment.upgrade(Part::BlobStore);
    stores.check_copy(from, into, &data, 100);
}
