//! The settings in force, and the registered peers.

use super::ranges::RANGES;
use crate::failure::{Failure, Result};
use crate::session::types::Limits;
use candid::Principal;
use capsule_shared::gateway::{CapsuleCreators, GatewayArgs, GatewayConfig, MOST_FIRST_SESSION};

const HOUR_NS: u64 = 3_600_000_000_000;

/// When room is short, a session may end that made no progress for 10 minutes.
const IDLE_NS: u64 = HOUR_NS / 6;

/// The settings that release 0.1.0 didn't have. The budgets are what a principal, or the whole
/// gateway, hardly sends in a day at the rate at which the platform takes messages.
pub(super) const MAX_BYTES_PER_PRINCIPAL_PER_DAY: u64 = 64 << 30;
pub(super) const MAX_BYTES_PER_DAY: u64 = 256 << 30;
pub(super) const MAX_CAPSULES_PER_PRINCIPAL: u32 = 10;
pub(super) const TRASH_RETENTION_NS: u64 = 30 * 24 * HOUR_NS;

/// The most stores that can be listed. Each begin looks at all of them.
pub const MAX_STORES: usize = 1_000;

/// The settings, and what the gateway knows of its peers.
///
/// The index in the settings holds alone once one was registered. Before that, the one that the
/// environment names is registered when the gateway first looks for it. The list of stores is empty
/// except on its way into the registry, which alone lists them; older releases kept them here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// As a canister controller or a default set them. Release 0.1.0 took values out of range.
    pub(super) stored: GatewayConfig,
    /// The stored settings, with the nearest value in range instead of one that is out of range.
    in_force: GatewayConfig,
    pub(super) registered: Registered,
}

/// The memory of earlier registrations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Registered {
    /// The first index. It never changes: uploads and deletions of release 0.1.0, whose records
    /// name no index, belong to it.
    pub first_index: Option<Principal>,
    /// Whether a store was ever in the list.
    pub stores: bool,
}

impl Default for Config {
    fn default() -> Self {
        let stored = GatewayConfig {
            memory_index: None,
            blob_stores: Vec::new(),
            allow_anonymous: false,
            capsule_creators: CapsuleCreators::Anyone,
            max_sessions_per_principal: 100,
            max_sessions_per_capsule: 100,
            max_sessions: 10_000,
            max_bytes_per_capsule: 50 << 30,
            session_ttl_ns: 24 * HOUR_NS,
            committed_retention_ns: 24 * HOUR_NS,
            reorder_window: 8,
            max_bytes_per_principal_per_day: MAX_BYTES_PER_PRINCIPAL_PER_DAY,
            max_bytes_per_day: MAX_BYTES_PER_DAY,
            max_capsules_per_principal: MAX_CAPSULES_PER_PRINCIPAL,
            trash_retention_ns: TRASH_RETENTION_NS,
        };
        Config::of(stored, Registered::default())
    }
}

impl Config {
    pub(super) fn of(stored: GatewayConfig, registered: Registered) -> Self {
        let mut in_force = stored.clone();
        for range in &RANGES {
            (range.set)(&mut in_force, range.nearest((range.of)(&stored)));
        }
        Config {
            stored,
            in_force,
            registered,
        }
    }

    /// The settings in force, as the interface shows them.
    pub fn public(&self) -> &GatewayConfig {
        &self.in_force
    }

    /// The settings with the changes of `args`: `InvalidArgument` if one of them is wrong. The list
    /// has the stores of `args`, for [`Config::take_stores`].
    pub fn with(&self, args: GatewayArgs) -> Result<Config> {
        for range in &RANGES {
            if let Some(value) = (range.given)(&args) {
                range.check(value)?;
            }
        }
        if let Some(first) = args.first_session
            && !(1..=MOST_FIRST_SESSION).contains(&first)
        {
            return Err(Failure::invalid(format!(
                "first_session is {first}, expected 1 to {MOST_FIRST_SESSION}"
            )));
        }
        let mut peers = args.memory_index.iter();
        let mut stores = args.blob_stores.iter().flatten();
        peers.try_for_each(check_peer)?;
        stores.try_for_each(check_peer)?;
        self.applied(args)
    }

    /// The settings with changes that aren't checked, as release 0.1.0 took them.
    #[cfg(test)]
    pub fn with_any(&self, args: GatewayArgs) -> Config {
        self.applied(args).expect("BUG: too many stores")
    }

    fn applied(&self, args: GatewayArgs) -> Result<Config> {
        let mut stored = self.stored.clone();
        for range in &RANGES {
            if let Some(value) = (range.given)(&args) {
                (range.set)(&mut stored, value);
            }
        }
        stored.memory_index = args.memory_index.or(stored.memory_index);
        stored.allow_anonymous = args.allow_anonymous.unwrap_or(stored.allow_anonymous);
        stored.capsule_creators = args.capsule_creators.unwrap_or(stored.capsule_creators);
        let mut config = Config::of(stored, self.registered);
        for store in args.blob_stores.into_iter().flatten() {
            config.list_store(store)?;
        }
        config.note_registered();
        Ok(config)
    }

    // ---- peers --------------------------------------------------------------------------------

    /// Registers the index that the environment names, if none was ever registered. Returns `None`
    /// if that changes nothing.
    pub fn with_named(&self, named: impl Fn(&str) -> Option<Principal>) -> Option<Config> {
        let usable = |name| named(name).filter(|peer| check_peer(peer).is_ok());
        let mut new = self.clone();
        if new.stored.memory_index.is_none() {
            new.stored.memory_index = usable("memory_index");
        }
        new.note_registered();
        let new = Config::of(new.stored, new.registered);
        (new != *self).then_some(new)
    }

    /// Takes the stores out of the list. The registry gets them.
    pub fn take_stores(&mut self) -> Vec<Principal> {
        self.note_registered();
        self.in_force.blob_stores.clear();
        std::mem::take(&mut self.stored.blob_stores)
    }

    /// Whether a store was ever in the list.
    pub fn had_stores(&self) -> bool {
        self.registered.stores
    }

    fn list_store(&mut self, store: Principal) -> Result<()> {
        let listed = &mut self.stored.blob_stores;
        if listed.contains(&store) {
            return Ok(());
        }
        if listed.len() >= MAX_STORES {
            return Err(Failure::ResourceExhausted);
        }
        listed.push(store);
        self.in_force.blob_stores.push(store);
        Ok(())
    }

    fn note_registered(&mut self) {
        let registered = &mut self.registered;
        registered.first_index = registered.first_index.or(self.stored.memory_index);
        registered.stores |= !self.stored.blob_stores.is_empty();
    }

    /// The index that records belong to whose release noted none.
    pub fn first_index(&self) -> Option<Principal> {
        self.registered.first_index
    }

    // ---- rules --------------------------------------------------------------------------------

    /// The settings that the session layer knows.
    pub fn limits(&self) -> Limits {
        let in_force = &self.in_force;
        Limits {
            active_per_owner: in_force.max_sessions_per_principal,
            active_per_scope: in_force.max_sessions_per_capsule,
            active_total: in_force.max_sessions,
            bytes_per_scope: in_force.max_bytes_per_capsule,
            ttl: in_force.session_ttl_ns,
            idle: IDLE_NS,
            retention: in_force.committed_retention_ns,
            reorder_window: in_force.reorder_window,
        }
    }

    /// `Unauthorized` unless `caller` may own capsules and upload.
    pub fn check_caller(&self, caller: Principal) -> Result<()> {
        if caller == Principal::anonymous() && !self.in_force.allow_anonymous {
            return Err(Failure::Unauthorized);
        }
        Ok(())
    }

    /// `Unauthorized` unless `caller` may create capsules.
    pub fn check_creator(&self, caller: Principal) -> Result<()> {
        self.check_caller(caller)?;
        match &self.in_force.capsule_creators {
            CapsuleCreators::Anyone => Ok(()),
            CapsuleCreators::Listed(list) if list.contains(&caller) => Ok(()),
            CapsuleCreators::Listed(_) => Err(Failure::Unauthorized),
        }
    }
}

/// `InvalidArgument` if this can't be the id of a canister.
pub fn check_peer(peer: &Principal) -> Result<()> {
    if *peer == Principal::anonymous() || *peer == Principal::management_canister() {
        return Err(Failure::invalid(format!(
            "a peer is {peer}, expected the id of a canister"
        )));
    }
    Ok(())
}
