//! The limits that a composite query and all queries that it calls share.

use super::types::Reject;
use crate::prices;
use candid::Principal;

/// The queries that one query from outside leads to.
pub(super) struct CallGraph {
    root: Principal,
    /// Instructions that are left. The last run may use more than there are.
    left: i64,
}

/// A limit of the whole graph. Exceeding it fails the query from outside, not only one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceeded {
    Depth,
    Instructions,
}

impl CallGraph {
    /// The graph of a query that reached `root`.
    pub(super) fn new(root: Principal) -> Self {
        Self {
            root,
            left: prices::QUERY_INSTRUCTIONS as i64,
        }
    }

    /// Whether the query from outside reached this canister.
    pub(super) fn is_root(&self, canister: Principal) -> bool {
        self.root == canister
    }

    /// The instructions that the next run may use.
    pub(super) fn limit(&self) -> u64 {
        self.left.max(0) as u64
    }

    pub(super) fn use_up(&mut self, instructions: u64) {
        self.left = self.left.saturating_sub_unsigned(instructions);
    }

    /// Checks the limits before a query at this depth makes its next call or gets an answer.
    pub(super) fn check(&self, depth: usize) -> Result<(), Exceeded> {
        if depth >= prices::MAX_COMPOSITE_DEPTH {
            return Err(Exceeded::Depth);
        }
        if self.left <= 0 {
            return Err(Exceeded::Instructions);
        }
        Ok(())
    }
}

impl Exceeded {
    pub(super) fn reject(self) -> Reject {
        match self {
            Exceeded::Depth => Reject::new(
                525,
                "Composite query calls exceeded the maximum call depth.",
            ),
            Exceeded::Instructions => {
                Reject::new(526, "Composite query calls exceeded the instruction limit.")
            }
        }
    }
}
