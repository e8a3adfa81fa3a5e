//! The one node of the network. It signs the answers of queries, since subnets do not.

use candid::Principal;
use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

/// An Ed25519 key. It is the same in every network, since nothing here is secret.
pub struct NodeKey {
    key: SigningKey,
    pub der: Vec<u8>,
    pub id: Principal,
}

impl NodeKey {
    pub fn new() -> Self {
        let key = SigningKey::from_bytes(&Sha256::digest(b"localnet node key").into());
        let der = key.verifying_key().to_public_key_der();
        let der = der.expect("BUG: a key that has no DER").into_vec();
        Self {
            key,
            id: Principal::self_authenticating(&der),
            der,
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).to_bytes().to_vec()
    }
}

impl Default for NodeKey {
    fn default() -> Self {
        Self::new()
    }
}
