//! The module of one canister isn't installed on another, whatever release wrote its memory.

use crate::{begin_and_put, bytes, put, read_back, sha256, upload};
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::common::rest::BlobCompression;
use tools::deployment::{Created, Deployment, Part, deploy, person, release_0_1_0, wasm};
use tools::engine::network;
use tools::source::UploadSpec;

/// An upload in the middle and one that is committed, so that each canister holds something.
struct Filled {
    deployment: Deployment,
    spec: UploadSpec,
    data: Vec<u8>,
    session: u64,
    blob: String,
}

impl Filled {
    fn new(deployment: Deployment) -> Self {
        let client = deployment.client(person("alice"));
        let committed = upload(&client, &UploadSpec::document("before", 3), b"abc").unwrap();
        let data = bytes(600, 1);
        let spec = UploadSpec::document("file", 600).in_chunks_of(300, 600);
        let session = begin_and_put(&client, &spec, &data, 1);
        Filled {
            spec,
            data,
            session,
            blob: committed.result.blob_id,
            deployment,
        }
    }

    /// Upgrades the canister `on` to `module`, which must fail. Returns the reason.
    fn refused(&self, module: Vec<u8>, on: Part) -> String {
        let deployment = &self.deployment;
        deployment.stop(on);
        let upgraded = deployment.upgrade_to(on, module);
        deployment.start(on);
        upgraded.unwrap_err().reject_message
    }

    fn try_all_wrong_modules(&self) {
        for on in Part::ALL {
            let stable_memory = || {
                self.deployment
                    .pic
                    .get_stable_memory(self.deployment.id(on))
            };
            let before = stable_memory();
            for module in Part::ALL.into_iter().filter(|module| *module != on) {
                let reason = self.refused(wasm(module.name()), on);
                let found = format!("the stable memory is of {} (schema ", on.name());
                let expected = format!(
                    "expected {}, which this module is; nothing was changed",
                    module.name()
                );
                assert!(
                    reason.contains(&found) && reason.contains(&expected),
                    "{reason}"
                );
                assert!(stable_memory() == before, "{} changed", on.name());
            }
        }
    }

    /// The right modules are accepted, and everything is where it was.
    fn finish(self) {
        for part in Part::ALL {
            self.deployment.upgrade(part);
        }
        let client = self.deployment.client(person("alice"));
        assert_eq!(read_back(&client, &self.blob), b"abc");
        put(&client, self.session, &self.spec, &self.data, 1..2);
        let result = client.finish(self.session, &sha256(&self.data), 600);
        assert!(read_back(&client, &result.unwrap().blob_id) == self.data);
    }
}

#[test]
fn a_module_of_another_canister_is_refused_and_changes_nothing() {
    let filled = Filled::new(deploy());
    filled.try_all_wrong_modules();
    filled.finish();
}

#[test]
fn the_canisters_of_release_0_1_0_refuse_other_modules_too() {
    let created = Created::on(network()).with_modules(release_0_1_0);
    let filled = Filled::new(created.install(GatewayArgs::default()));
    filled.try_all_wrong_modules();
    filled.finish();
}

#[test]
fn the_memory_of_an_unknown_canister_is_refused() {
    let deployment = deploy();
    let id = deployment.blob_store;
    deployment.stop(Part::BlobStore);
    let foreign = b"a foreign canister's bytes".to_vec();
    let plain = BlobCompression::NoCompression;
    deployment.pic.set_stable_memory(id, foreign, plain);
    let reason = deployment
        .upgrade_rudely(Part::BlobStore)
        .unwrap_err()
        .reject_message;
    assert!(reason.contains("is of an unknown canister"), "{reason}");
}

/// Release 0.1.0 knows no superblocks. Its gateway can't read the settings, so it is refused; its
/// store stops at the fence at every call, and changes nothing that the new release wrote.
#[test]
fn release_0_1_0_is_put_back_by_mistake() {
    let filled = Filled::new(deploy());
    let reason = filled.refused(release_0_1_0(Part::Gateway), Part::Gateway);
    assert!(reason.contains("unknown version"), "{reason}");

    let deployment = &filled.deployment;
    let module = release_0_1_0(Part::BlobStore);
    deployment.upgrade_to(Part::BlobStore, module).unwrap();
    let stable_memory = || deployment.pic.get_stable_memory(deployment.blob_store);
    let before = stable_memory();
    let client = deployment.client(person("alice"));
    assert!(client.blob_read_chunk(&filled.blob, 0).is_err());
    let put = client.put_chunk(filled.session, 1, &filled.data[300..]);
    assert!(put.is_err());
    assert!(stable_memory() == before, "release 0.1.0 wrote something");
    filled.finish();
}
