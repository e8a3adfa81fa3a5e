//! The certified state: the value at each path, as the IC interface specification lays it out.

use super::certificate::{Tree, cbor, leb128};
use super::network::Network;
use super::subnets::Subnet;
use super::types::{Answer, IngressStatus, MessageId, SubnetKind};
use candid::Principal;
use std::collections::BTreeMap;

/// The labels from the root to a value.
pub type Path = Vec<Vec<u8>>;

fn text(value: impl Into<String>) -> Tree {
    Tree::Leaf(value.into().into_bytes())
}

fn branch<const N: usize>(parts: [(&[u8], Tree); N]) -> Tree {
    let parts = parts.into_iter();
    Tree::Branch(parts.map(|(label, part)| (label.to_vec(), part)).collect())
}

impl Network {
    /// A certificate of everything at or below `paths`, by the subnet of `about`, a canister or a
    /// subnet.
    pub fn read_state(&self, about: Principal, paths: &[Path]) -> Vec<u8> {
        let mut tree = Tree::default();
        for path in paths {
            if let Some(part) = self.state(path) {
                tree.insert(path, part);
            }
        }
        self.certify(about, tree)
    }

    /// A certificate of `tree` by the subnet of `about`.
    fn certify(&self, about: Principal, tree: Tree) -> Vec<u8> {
        self.certify_later(about, tree)()
    }

    /// A certificate of `tree` as it is now, by the subnet of `about`. Only the call signs it.
    pub(super) fn certify_later(
        &self,
        about: Principal,
        tree: Tree,
    ) -> impl FnOnce() -> Vec<u8> + Send + 'static {
        let root = &self.subnets[0];
        let subnet = self.subnets.iter().find(|s| s.info.id == about);
        let near = self.route(about);
        let subnet = subnet.or_else(|| self.subnets.iter().find(|s| Some(s.info.id) == near));
        let subnet = subnet.unwrap_or(root);
        let time = self.time();
        let id = subnet.info.id;
        let known = (id != root.info.id).then(|| {
            branch([
                (b"subnet", branch([(id.as_slice(), keys(subnet))])),
                (
                    b"canister_ranges",
                    branch([(id.as_slice(), ranges(subnet))]),
                ),
            ])
        });
        let (root, subnet) = (root.key, subnet.key);
        move || {
            let delegation = known.map(|known| root.delegate(id, known, time));
            subnet.certify(tree, time, delegation)
        }
    }

    /// The part of the state at a path, if there is one.
    fn state(&self, path: &Path) -> Option<Tree> {
        let (first, rest) = path.split_first()?;
        match first.as_slice() {
            // every certificate has it anyway
            b"time" => None,
            b"subnet" => {
                let trees = self.subnet_trees(|subnet| self.keys_and_node(subnet));
                trees.get(rest).cloned()
            }
            b"canister_ranges" => self.subnet_trees(ranges).get(rest).cloned(),
            b"canister" => {
                let id = Principal::try_from_slice(rest.first()?).ok()?;
                self.canister_tree(id)?.get(&rest[1..]).cloned()
            }
            b"request_status" => {
                let id = rest.first()?.as_slice().try_into().ok()?;
                self.status_tree(&MessageId(id))?.get(&rest[1..]).cloned()
            }
            _ => None,
        }
    }

    fn subnet_trees(&self, of: impl Fn(&Subnet) -> Tree) -> Tree {
        let subnets = self.subnets.iter();
        let trees = subnets.map(|subnet| (subnet.info.id.as_slice().to_vec(), of(subnet)));
        Tree::Branch(trees.collect())
    }

    /// The entry of a subnet, with the one node that all subnets share.
    fn keys_and_node(&self, subnet: &Subnet) -> Tree {
        let mut tree = keys(subnet);
        let node = [b"node".to_vec(), self.node.id.as_slice().to_vec()];
        let key = Tree::Leaf(self.node.der.clone());
        tree.insert(&node, branch([(b"public_key", key)]));
        tree
    }

    fn canister_tree(&self, id: Principal) -> Option<Tree> {
        let canister = self.canisters.get(&id)?;
        let controllers = cbor(&canister.settings.controllers);
        let mut tree = branch([(b"controllers", Tree::Leaf(controllers))]);
        if let Some(code) = &canister.code {
            let data = canister.certified_data.clone();
            tree.insert(&[b"certified_data".to_vec()], Tree::Leaf(data));
            let hash = Tree::Leaf(code.module.hash.to_vec());
            tree.insert(&[b"module_hash".to_vec()], hash);
            let metadata = code.module.metadata.iter();
            let metadata: BTreeMap<_, _> = metadata
                .map(|(name, (_, bytes))| (name.clone().into_bytes(), Tree::Leaf(bytes.clone())))
                .collect();
            tree.insert(&[b"metadata".to_vec()], Tree::Branch(metadata));
        }
        Some(tree)
    }

    fn status_tree(&self, id: &MessageId) -> Option<Tree> {
        match self.status(id) {
            IngressStatus::Unknown => None,
            IngressStatus::Pending => Some(branch([(b"status", text("processing"))])),
            IngressStatus::Done(answer) => Some(answer_tree(answer)),
        }
    }

    /// Whether everybody may read a metadata section; `None` if there is no such section.
    pub fn metadata_is_public(&self, canister: Principal, name: &str) -> Option<bool> {
        let code = self.canisters.get(&canister)?.code.as_ref()?;
        code.module.metadata.get(name).map(|(public, _)| *public)
    }
}

fn answer_tree(answer: Answer) -> Tree {
    match answer {
        Ok(reply) => branch([(b"status", text("replied")), (b"reply", Tree::Leaf(reply))]),
        Err(reject) => branch([
            (b"status", text("rejected")),
            (b"reject_code", Tree::Leaf(leb128(reject.code))),
            (b"reject_message", text(reject.message.clone())),
            (b"error_code", text(format!("IC{:04}", reject.error_code))),
        ]),
    }
}

/// The entry of a subnet that the root certifies.
fn keys(subnet: &Subnet) -> Tree {
    let kind = match subnet.info.kind {
        SubnetKind::Application | SubnetKind::Fiduciary => "application",
        SubnetKind::VerifiedApplication => "verified_application",
        SubnetKind::CloudEngine => "cloud_engine",
        _ => "system",
    };
    branch([
        (b"public_key", Tree::Leaf(subnet.key.der.clone())),
        (
            b"canister_ranges",
            Tree::Leaf(cbor(&subnet.info.canister_ranges)),
        ),
        (b"type", text(kind)),
    ])
}

/// The canister ranges of a subnet, each at its first id.
fn ranges(subnet: &Subnet) -> Tree {
    let ranges = subnet.info.canister_ranges.iter();
    Tree::Branch(
        ranges
            .map(|range| (range.0.as_slice().to_vec(), Tree::Leaf(cbor(&[range]))))
            .collect(),
    )
}
