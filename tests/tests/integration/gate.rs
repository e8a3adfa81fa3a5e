//! A gate between the gateway and a peer. It lets some calls pass and rejects all others.
//!
//! An upload behind a closed gate can't end: its client repeats the rejected call. A test can thus
//! kill a client, or upgrade a canister, at a known point of an upload.

use candid::{Principal, decode_one, encode_args, encode_one};
use capsule_shared::gateway::GatewayArgs;
use tools::deployment::{Created, Deployment, Lines, Part};
use tools::engine::network;

/// A chaos canister that the gateway takes for a peer.
#[derive(Clone, Copy)]
pub struct Gate(pub Principal);

impl Gate {
    /// Lets this many calls of a method pass from now on, and no more.
    pub fn admit(self, deployment: &Deployment, method: &str, calls: u64) {
        self.tell(deployment, "limit", encode_args((method, calls)).unwrap());
    }

    /// Lets the next call of a method reach the peer, but loses its answer.
    pub fn lose_answer(self, deployment: &Deployment, method: &str) {
        self.plan(deployment, method, chaos::Fault::RejectAfter);
    }

    /// Holds the next call of a method for so many rounds before it reaches the peer.
    pub fn hold(self, deployment: &Deployment, method: &str, rounds: u8) {
        self.plan(deployment, method, chaos::Fault::HoldBefore(rounds));
    }

    fn plan(self, deployment: &Deployment, method: &str, fault: chaos::Fault) {
        let plan = vec![(method, fault)];
        self.tell(deployment, "plan", encode_one(plan).unwrap());
    }

    /// Returns whether all admitted calls of a method have passed.
    pub fn is_used_up(self, deployment: &Deployment, method: &str) -> bool {
        let arg = encode_one(method).unwrap();
        let reply = deployment
            .pic
            .query_call(self.0, deployment.controller, "remaining", arg);
        decode_one::<Option<u64>>(&reply.unwrap()).unwrap() == Some(0)
    }

    /// Lets all calls pass.
    pub fn open(self, deployment: &Deployment) {
        self.tell(deployment, "calm", encode_args(()).unwrap());
    }

    fn tell(self, deployment: &Deployment, method: &str, arg: Vec<u8>) {
        let told = deployment
            .pic
            .update_call(self.0, deployment.controller, method, arg);
        told.unwrap();
    }
}

/// Installs the canisters on a fresh network, with an open gate before the store.
pub fn deploy_with_gate() -> (Deployment, Gate) {
    let created = Created::on(network());
    let gate = created.chaos_before(Part::BlobStore);
    let lines = Lines {
        store: Some(gate),
        ..Lines::default()
    };
    let deployment = created.install_behind(lines, GatewayArgs::default());
    (deployment, Gate(gate))
}
