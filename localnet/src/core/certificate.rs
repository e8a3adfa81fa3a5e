//! The certificate that queries see: the canister's certified data and the time, signed with the network's root key.

use candid::Principal;
use ic_certification::hash_tree::{fork, label, leaf};
use ic_verify_bls_signature::PrivateKey;
use serde::Serialize;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

/// The DER header of a BLS12-381 public key (IC interface specification, "Signature schemes").
const DER_PREFIX: [u8; 37] = [
    0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05,
    0x03, 0x01, 0x02, 0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03,
    0x02, 0x01, 0x03, 0x61, 0x00,
];

/// The network's key; the same for every instance, since nothing here is secret.
pub struct RootKey {
    key: PrivateKey,
    pub der: Vec<u8>,
}

#[derive(Serialize)]
struct Certificate {
    tree: ic_certification::HashTree,
    signature: ByteBuf,
}

impl RootKey {
    pub fn new() -> Self {
        let mut seed: [u8; 32] = Sha256::digest(b"localnet root key").into();
        // a scalar of 255 bits: any value below the order of the group will do
        seed[0] &= 0x1f;
        let key = PrivateKey::deserialize(&seed).expect("BUG: the seed is no scalar");
        let mut der = DER_PREFIX.to_vec();
        der.extend_from_slice(&key.public_key().serialize());
        Self { key, der }
    }

    /// The certificate of a canister's data at a time (nanoseconds since 1970), as CBOR.
    pub fn certify(&self, canister: Principal, data: &[u8], time: u64) -> Vec<u8> {
        let tree = fork(
            label(
                "canister",
                label(canister.as_slice(), label("certified_data", leaf(data))),
            ),
            label("time", leaf(leb128(time))),
        );
        let mut message = b"\x0dic-state-root".to_vec();
        message.extend_from_slice(&tree.digest());
        let signature = ByteBuf::from(self.key.sign(&message).serialize().to_vec());
        let mut out = vec![];
        let mut cbor = serde_cbor::Serializer::new(&mut out);
        cbor.self_describe()
            .expect("BUG: writing to a vector failed");
        Certificate { tree, signature }
            .serialize(&mut cbor)
            .expect("BUG: writing to a vector failed");
        out
    }
}

impl Default for RootKey {
    fn default() -> Self {
        Self::new()
    }
}

fn leb128(mut n: u64) -> Vec<u8> {
    let mut out = vec![];
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        if n == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_certification::{Certificate, LookupResult};

    #[test]
    fn a_certificate_verifies_and_holds_the_data() {
        let key = RootKey::new();
        let canister = Principal::from_slice(&[1; 10]);
        let bytes = key.certify(canister, b"data", 300);
        let certificate: Certificate = serde_cbor::from_slice(&bytes).unwrap();
        let mut message = b"\x0dic-state-root".to_vec();
        message.extend_from_slice(&certificate.tree.digest());
        ic_verify_bls_signature::verify_bls_signature(
            &certificate.signature,
            &message,
            &key.der[DER_PREFIX.len()..],
        )
        .unwrap();
        let path: [&[u8]; 3] = [b"canister", canister.as_slice(), b"certified_data"];
        let found = certificate.tree.lookup_path(path);
        assert!(matches!(found, LookupResult::Found(b"data")));
        let time = certificate.tree.lookup_path([b"time"]);
        assert!(matches!(time, LookupResult::Found([0xac, 0x02])));
    }
}
