//! The blobs that this store shares with other stores, which pull them.
//!
//! The heap holds the shares, so an upgrade forgets them. The gateway then shares again.

use candid::Principal;
use capsule_shared::blob_store::MAX_SHARES;
use capsule_shared::{BlobKey, Error, Result};
use std::collections::VecDeque;

/// A store that may read a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    key: BlobKey,
    with: Principal,
}

/// At most [`MAX_SHARES`] shares, the oldest first.
#[derive(Debug, Default)]
pub struct Shares(VecDeque<Share>);

impl Shares {
    /// Adds a share, or makes it the newest. The oldest is forgotten beyond [`MAX_SHARES`].
    pub fn add(&mut self, key: BlobKey, with: Principal) {
        let share = Share { key, with };
        self.0.retain(|other| *other != share);
        if self.0.len() >= MAX_SHARES {
            self.0.pop_front();
        }
        self.0.push_back(share);
    }

    /// Ends all shares of a blob.
    pub fn end(&mut self, key: BlobKey) {
        self.0.retain(|share| share.key != key);
    }

    /// `Unauthorized` unless some blob is shared with the caller.
    pub fn check_reader(&self, caller: Principal) -> Result<()> {
        self.check(|share| share.with == caller)
    }

    /// `Unauthorized` unless this blob is shared with the caller.
    pub fn check_share(&self, caller: Principal, key: BlobKey) -> Result<()> {
        self.check(|share| share.with == caller && share.key == key)
    }

    fn check(&self, fits: impl Fn(&Share) -> bool) -> Result<()> {
        match self.0.iter().any(fits) {
            true => Ok(()),
            false => Err(Error::Unauthorized),
        }
    }
}

/// `InvalidArgument` for an id that no other store can have. `what` names the argument, and `own`
/// is the id of this store.
pub fn check_other_store(what: &str, id: Principal, own: Principal) -> Result<()> {
    let wrong = if id == own {
        "this store"
    } else if id == Principal::anonymous() {
        "the anonymous principal"
    } else if id == Principal::management_canister() {
        "the management canister"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!(
        "{what} is {wrong}, expected another store"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(n: u16) -> Principal {
        Principal::from_slice(&n.to_be_bytes())
    }

    fn key(n: u16) -> BlobKey {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&n.to_be_bytes());
        BlobKey(key)
    }

    #[test]
    fn a_share_is_for_one_store_and_one_blob() {
        let mut shares = Shares::default();
        shares.add(key(1), store(1));
        assert_eq!(shares.check_share(store(1), key(1)), Ok(()));
        assert_eq!(shares.check_reader(store(1)), Ok(()));
        let refused = Err(Error::Unauthorized);
        assert_eq!(shares.check_share(store(1), key(2)), refused);
        assert_eq!(shares.check_share(store(2), key(1)), refused);
        assert_eq!(shares.check_reader(store(2)), refused);
    }

    #[test]
    fn the_oldest_share_is_forgotten_first_and_sharing_again_makes_it_the_newest() {
        let mut shares = Shares::default();
        let most = MAX_SHARES as u16;
        for n in 0..most {
            shares.add(key(n), store(1));
        }
        for n in [0, 0, 2] {
            shares.add(key(n), store(1));
        }
        assert_eq!(shares.0.len(), MAX_SHARES);
        shares.add(key(most), store(1));
        shares.add(key(most), store(2));
        assert_eq!(shares.0.len(), MAX_SHARES);
        let gone = |n: &u16| shares.check_share(store(1), key(*n)).is_err();
        assert_eq!((0..=most).filter(gone).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn all_shares_of_a_blob_end_together() {
        let mut shares = Shares::default();
        for (n, with) in [(1, 1), (1, 2), (2, 2)] {
            shares.add(key(n), store(with));
        }
        shares.end(key(1));
        assert!(shares.check_reader(store(1)).is_err());
        assert!(shares.check_share(store(2), key(1)).is_err());
        assert_eq!(shares.check_share(store(2), key(2)), Ok(()));
    }

    #[test]
    fn only_another_canister_can_be_another_store() {
        let own = store(7);
        assert_eq!(check_other_store("with", store(8), own), Ok(()));
        for (id, text) in [
            (own, "with is this store, expected another store"),
            (
                Principal::anonymous(),
                "with is the anonymous principal, expected another store",
            ),
            (
                Principal::management_canister(),
                "with is the management canister, expected another store",
            ),
        ] {
            let refused = check_other_store("with", id, own);
            assert_eq!(refused, Err(Error::invalid(text)));
        }
    }
}
