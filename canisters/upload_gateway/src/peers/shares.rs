//! How many calls may be open at once, and the share of them that each class of calls always keeps.
//!
//! The platform queues 500 calls to one canister, and each call holds back cycles until it returns.
//! So at most 480 calls to one peer are open, and 1,200 in all:
//!
//! | class | what | kept for it, a peer and in all | its most, a peer and in all |
//! | --- | --- | --- | --- |
//! | new work | begins, chunks, capsules | 200, 600 | 400, 1,000 |
//! | asking | reads, probes and grants | 40, 100 | 40, 100 |
//! | ending | finishes, deletions, clean-up, reports | 40, 100 | 240, 500 |
//!
//! A call is sent if its class stays within its most, and if the other classes could still use all
//! that is kept for them. So a class may borrow what the others leave over, but never their shares.
//! Anybody can have the gateway ask, so asking borrows nothing.
//!
//! Calls of composite queries don't count. A query sees a copy of the state, its calls take no
//! place in the queues of a peer, and the platform has limits of its own for them.

use candid::Principal;
use std::collections::BTreeMap;

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    NewWork,
    Asking,
    Ending,
}

impl Class {
    pub const ALL: [Class; 3] = [Class::NewWork, Class::Asking, Class::Ending];

    /// The class as a metric's label and in errors.
    pub fn name(self) -> &'static str {
        match self {
            Class::NewWork => "new_work",
            Class::Asking => "asking",
            Class::Ending => "ending",
        }
    }
}

/// The class of every method of every peer. A test fails if a method is missing here; until then it
/// has the smallest share.
pub fn class_of(method: &str) -> Option<Class> {
    let class = match method {
        "capsule_create" | "capsule_usage" | "blob_open" | "blob_put_chunk" => Class::NewWork,

        "capsule_read"
        | "capsule_list"
        | "capsule_add_controller"
        | "capsule_remove_controller"
        | "memory_list"
        | "memory_read"
        | "memory_find"
        | "memory_find_sha256"
        | "memory_trash_list"
        | "memory_restore"
        | "blob_locate"
        | "blob_read_chunk"
        | "blob_read_range" => Class::Asking,

        "memory_trash" | "memory_expire" | "memory_commit" | "memory_delete" | "blob_release"
        | "blob_seal" | "blob_digest" | "blob_delete" | "store_status" | "memories_due"
        | "blob_meta" | "blob_share" | "blob_pull" | "memories_of_store" | "memory_relocate" => {
            Class::Ending
        }

        _ => return None,
    };
    Some(class)
}

/// Calls by class, in the order of [`Class`].
type Counts = [u32; 3];

/// The bounds of open calls: to one peer, or in all.
struct Bounds {
    all: u32,
    kept: Counts,
    most: Counts,
}

const PER_PEER: Bounds = Bounds {
    all: 480,
    kept: [200, 40, 40],
    most: [400, 40, 240],
};

const IN_ALL: Bounds = Bounds {
    all: 1_200,
    kept: [600, 100, 100],
    most: [1_000, 100, 500],
};

const fn is_consistent(bounds: &Bounds) -> bool {
    let [new, asking, ending] = bounds.kept;
    let [most_new, most_asking, most_ending] = bounds.most;
    most_new + asking + ending == bounds.all
        && new + asking + most_ending == bounds.all
        && most_asking == asking
}

const _: () = assert!(is_consistent(&PER_PEER) && is_consistent(&IN_ALL));

impl Bounds {
    /// How many calls of the class may be open beside the `open` calls of the other classes.
    fn room(&self, class: Class, open: &Counts) -> u32 {
        let others = Class::ALL.into_iter().filter(|other| *other != class);
        let taken: u32 = others
            .map(|other| open[other as usize].max(self.kept[other as usize]))
            .sum();
        self.most[class as usize].min(self.all.saturating_sub(taken))
    }
}

/// The open calls, by callee and in all.
#[derive(Default)]
pub struct OpenCalls {
    by_callee: BTreeMap<Principal, Counts>,
    in_all: Counts,
}

impl OpenCalls {
    /// Counts one more call, or says why it may not be sent.
    pub fn enter(&mut self, callee: Principal, class: Class) -> Result<(), String> {
        let to_it = self.by_callee.get(&callee).copied().unwrap_or_default();
        let (most_to_it, most) = (
            PER_PEER.room(class, &to_it),
            IN_ALL.room(class, &self.in_all),
        );
        let (open_to_it, open) = (to_it[class as usize], self.in_all[class as usize]);
        if open_to_it >= most_to_it || open >= most {
            return Err(format!(
                "{open_to_it} calls of the class {} to it and {open} in total are open, \
                 expected fewer than {most_to_it} and {most}",
                class.name()
            ));
        }
        self.by_callee.entry(callee).or_default()[class as usize] += 1;
        self.in_all[class as usize] += 1;
        Ok(())
    }

    /// One call ended.
    pub fn leave(&mut self, callee: Principal, class: Class) {
        if let Some(to_it) = self.by_callee.get_mut(&callee) {
            to_it[class as usize] -= 1;
            self.in_all[class as usize] -= 1;
            if *to_it == Counts::default() {
                self.by_callee.remove(&callee);
            }
        }
    }

    /// Calls of a class to one callee.
    pub fn to(&self, callee: Principal, class: Class) -> u32 {
        let to_it = self.by_callee.get(&callee);
        to_it.map_or(0, |counts| counts[class as usize])
    }

    pub fn of(&self, class: Class) -> u32 {
        self.in_all[class as usize]
    }

    pub fn count(&self) -> u32 {
        self.in_all.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> Principal {
        Principal::from_slice(&[n])
    }

    /// Opens as many calls as it can, to peers in turn.
    fn fill(open: &mut OpenCalls, class: Class, peers: u8) -> u32 {
        let mut count = 0;
        loop {
            let sent = (0..peers).filter(|n| open.enter(peer(*n), class).is_ok());
            match sent.count() as u32 {
                0 => return count,
                more => count += more,
            }
        }
    }

    /// Every method that a peer is called with, from the sources of the calls.
    fn methods() -> Vec<&'static str> {
        let sources = [
            include_str!("blob_store.rs"),
            include_str!("memory_index.rs"),
        ];
        let mut methods = Vec::new();
        for source in sources {
            let calls = source.split("self.call").skip(1);
            for call in calls.filter(|call| call.starts_with('(') || call.starts_with("_raw(")) {
                let method = call.split('"').nth(1);
                methods.push(method.expect("a call without the name of its method"));
            }
        }
        methods
    }

    #[test]
    fn every_method_has_a_class() {
        let methods = methods();
        assert!(methods.len() >= 17, "{methods:?}");
        let without: Vec<_> = methods.iter().filter(|m| class_of(m).is_none()).collect();
        assert!(without.is_empty(), "without a class: {without:?}");
    }

    #[test]
    fn each_class_keeps_its_share_whatever_the_others_do() {
        for peers in [1, 3, 10] {
            for late in Class::ALL {
                let mut open = OpenCalls::default();
                let early = Class::ALL.into_iter().filter(|class| *class != late);
                for class in early {
                    fill(&mut open, class, peers);
                }
                let sent = fill(&mut open, late, peers);
                let kept = PER_PEER.kept[late as usize] * u32::from(peers);
                let kept = kept.min(IN_ALL.kept[late as usize]);
                assert!(sent >= kept, "{late:?}: {sent} of {kept}");
                assert!(open.count() <= IN_ALL.all);
                let to_one: u32 = open.by_callee[&peer(0)].iter().sum();
                assert!(to_one <= PER_PEER.all);
            }
        }
    }

    #[test]
    fn alone_a_class_reaches_its_most() {
        for class in Class::ALL {
            let at = class as usize;
            let mut open = OpenCalls::default();
            assert_eq!(fill(&mut open, class, 1), PER_PEER.most[at]);
            let mut open = OpenCalls::default();
            assert_eq!(fill(&mut open, class, 10), IN_ALL.most[at]);
        }
    }

    #[test]
    fn calls_that_ended_count_no_more() {
        let mut open = OpenCalls::default();
        for _ in 0..2 {
            assert_eq!(fill(&mut open, Class::Asking, 1), 40);
            assert_eq!((open.count(), open.of(Class::Asking)), (40, 40));
            let refused = open.enter(peer(0), Class::Asking).unwrap_err();
            assert!(
                refused.contains("40 calls of the class asking"),
                "{refused}"
            );
            for _ in 0..40 {
                open.leave(peer(0), Class::Asking);
            }
            assert_eq!(open.count(), 0);
            assert!(open.by_callee.is_empty());
        }
    }
}
