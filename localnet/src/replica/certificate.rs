//! Keys and certificates: a tree of values, the signature of its subnet, and the root's delegation.
//!
//! Each certificate is signed for one request. It contains exactly the requested values and the
//! time, so nothing has to be pruned. A value that is not in it is not in the state.

use candid::Principal;
use ic_certification::HashTree;
use ic_certification::hash_tree::{empty, fork, label, leaf};
use ic_verify_bls_signature::PrivateKey;
use serde::Serialize;
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The DER header of a BLS12-381 public key (IC interface specification, "Signature schemes").
const DER_PREFIX: [u8; 37] = [
    0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05,
    0x03, 0x01, 0x02, 0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03,
    0x02, 0x01, 0x03, 0x61, 0x00,
];

/// The most subnets of a network.
pub(super) const MAX_SUBNETS: usize = 16;

const STATE_ROOT: &[u8] = b"\x0dic-state-root";

/// A part of the state: a value, or a subtree for each label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    Leaf(Vec<u8>),
    Branch(BTreeMap<Vec<u8>, Tree>),
}

impl Default for Tree {
    fn default() -> Self {
        Tree::Branch(BTreeMap::new())
    }
}

impl Tree {
    /// Puts `part` below the labels of `path`, beside the parts that are there already.
    pub fn insert(&mut self, path: &[Vec<u8>], part: Tree) {
        match path.split_first() {
            None => self.join(part),
            Some((first, rest)) => {
                if let Tree::Leaf(_) = self {
                    *self = Tree::default();
                }
                if let Tree::Branch(below) = self {
                    below.entry(first.clone()).or_default().insert(rest, part);
                }
            }
        }
    }

    fn join(&mut self, other: Tree) {
        match (self, other) {
            (Tree::Branch(mine), Tree::Branch(other)) => {
                for (label, part) in other {
                    mine.entry(label).or_default().join(part);
                }
            }
            (mine, other) => *mine = other,
        }
    }

    /// The part below the labels of `path`.
    pub fn get(&self, path: &[Vec<u8>]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, label| match tree {
            Tree::Branch(below) => below.get(label),
            Tree::Leaf(_) => None,
        })
    }

    fn hashed(&self) -> HashTree {
        match self {
            Tree::Leaf(value) => leaf(value.clone()),
            Tree::Branch(below) => {
                let labels = below
                    .iter()
                    .map(|(name, part)| label(name.clone(), part.hashed()));
                balanced(labels.collect())
            }
        }
    }
}

fn balanced(mut parts: Vec<HashTree>) -> HashTree {
    match parts.len() {
        0 => empty(),
        1 => parts.remove(0),
        count => {
            let right = parts.split_off(count / 2);
            fork(balanced(parts), balanced(right))
        }
    }
}

/// The key of a subnet. It is the same in every network, since nothing here is secret.
pub struct SubnetKey {
    key: PrivateKey,
    pub der: Vec<u8>,
}

/// The root's certificate that a key belongs to a subnet.
#[derive(Clone, Serialize)]
pub struct Delegation {
    subnet_id: Principal,
    certificate: ByteBuf,
}

#[derive(Serialize)]
struct Certificate {
    tree: HashTree,
    signature: ByteBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    delegation: Option<Delegation>,
}

impl SubnetKey {
    /// The key of the subnet with this number, of the 16 that a network may have. Number 0 is the
    /// root. All networks of a process share it, since making it takes a millisecond.
    pub fn numbered(number: usize) -> &'static Self {
        static KEYS: [OnceLock<SubnetKey>; MAX_SUBNETS] = [const { OnceLock::new() }; MAX_SUBNETS];
        KEYS[number].get_or_init(|| Self::new(number))
    }

    fn new(number: usize) -> Self {
        let mut seed: [u8; 32] = match number {
            0 => Sha256::digest(b"localnet root key").into(),
            other => Sha256::digest(format!("localnet key of subnet {other}")).into(),
        };
        // any scalar below the order of the group (255 bits) will do
        seed[0] &= 0x1f;
        let key = PrivateKey::deserialize(&seed).expect("BUG: the seed is no scalar");
        let mut der = DER_PREFIX.to_vec();
        der.extend_from_slice(&key.public_key().serialize());
        Self { key, der }
    }

    /// The id of the subnet.
    pub fn id(&self) -> Principal {
        Principal::self_authenticating(&self.der)
    }

    /// A certificate of `tree` in CBOR. `time` is in nanoseconds since 1970.
    pub fn certify(&self, mut tree: Tree, time: u64, delegation: Option<Delegation>) -> Vec<u8> {
        tree.insert(&[b"time".to_vec()], Tree::Leaf(leb128(time)));
        let tree = tree.hashed();
        let message = [STATE_ROOT, &tree.digest()].concat();
        let signature = ByteBuf::from(self.key.sign(&message).serialize().to_vec());
        let certificate = Certificate {
            tree,
            signature,
            delegation,
        };
        cbor(&certificate)
    }

    /// The root's delegation to a subnet. `tree` contains the subnet's public key and canister
    /// ranges.
    pub fn delegate(&self, subnet_id: Principal, tree: Tree, time: u64) -> Delegation {
        Delegation {
            subnet_id,
            certificate: ByteBuf::from(self.certify(tree, time, None)),
        }
    }
}

/// Encodes a value in CBOR, with the tag of self-described CBOR.
pub fn cbor(value: &impl Serialize) -> Vec<u8> {
    let mut out = vec![];
    let mut cbor = serde_cbor::Serializer::new(&mut out);
    cbor.self_describe()
        .and_then(|()| value.serialize(&mut cbor))
        .expect("BUG: writing to a vector failed");
    out
}

/// Encodes a number as the state tree contains it.
pub fn leb128(mut n: u64) -> Vec<u8> {
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

    fn path(labels: &[&[u8]]) -> Vec<Vec<u8>> {
        labels.iter().map(|label| label.to_vec()).collect()
    }

    fn verified(bytes: &[u8], key: &SubnetKey) -> Certificate {
        let certificate: Certificate = serde_cbor::from_slice(bytes).unwrap();
        let message = [STATE_ROOT, &certificate.tree.digest()].concat();
        let raw = &key.der[DER_PREFIX.len()..];
        ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, raw)
            .unwrap();
        certificate
    }

    #[test]
    fn a_certificate_verifies_and_holds_what_was_put_in() {
        let key = SubnetKey::new(0);
        let mut tree = Tree::default();
        for n in 0..5u8 {
            tree.insert(&path(&[b"a", &[n], b"x"]), Tree::Leaf(vec![n]));
        }
        tree.insert(&path(&[b"b"]), Tree::default());
        let certificate = verified(&key.certify(tree, 300, None), &key);
        for n in 0..5u8 {
            let found = certificate.tree.lookup_path([&b"a"[..], &[n], b"x"]);
            assert!(matches!(found, LookupResult::Found(value) if value == [n]));
        }
        let found = |path: &[&[u8]]| certificate.tree.lookup_path(path);
        assert!(matches!(
            found(&[b"time"]),
            LookupResult::Found([0xac, 0x02])
        ));
        for missing in [&[&b"a"[..], b"y"][..], &[b"b", b"c"], &[b"c"]] {
            assert!(matches!(found(missing), LookupResult::Absent));
        }
    }

    #[test]
    fn a_delegation_is_signed_by_the_root() {
        let (root, other) = (SubnetKey::new(0), SubnetKey::new(1));
        assert_ne!(root.id(), other.id());
        let delegation = root.delegate(other.id(), Tree::default(), 7);
        let certificate = verified(&other.certify(Tree::default(), 8, Some(delegation)), &other);
        let delegation = certificate.delegation.unwrap();
        assert_eq!(delegation.subnet_id, other.id().as_slice());
        verified(&delegation.certificate, &root);
    }
}
