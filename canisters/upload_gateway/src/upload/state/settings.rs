//! The transitions of the settings and of the registered peers.

use super::State;
use crate::config::Config;
use crate::failure::Result;
#[cfg(test)]
use crate::session::types::Limits;
use candid::Principal;
use capsule_shared::gateway::{ConfigureReport, GatewayArgs, GatewayConfig};
use ic_stable_structures::Memory;

/// The most sessions that a report counts: reading so many keys fits into a query.
const MAX_COUNTED: usize = 10_000;

impl<M: Memory> State<M> {
    /// Applies changes to the settings. If one of them is wrong, all settings stay as they were.
    pub fn configured(&mut self, args: GatewayArgs, now: u64) -> Result<()> {
        let first_session = args.first_session;
        let mut config = self.checked(args)?;
        let stores = config.take_stores();
        self.sessions.set_limits(config.limits());
        self.config.set(config);
        self.stores_proposed(&stores, now);
        self.sessions.count_from(first_session.unwrap_or(0));
        Ok(())
    }

    /// The settings with changes: `InvalidArgument`, `ResourceExhausted`.
    fn checked(&self, args: GatewayArgs) -> Result<Config> {
        let config = self.config.get().with(args)?;
        self.check_proposed(&config.public().blob_stores)?;
        Ok(config)
    }

    /// The settings in force. They list the stores that take new uploads.
    pub fn configuration(&self) -> GatewayConfig {
        GatewayConfig {
            blob_stores: self.registry.active(),
            ..self.config.get().public().clone()
        }
    }

    /// Registers the index that the environment names, if none was ever registered, and the stores.
    /// Release 0.1.0 registered nothing; after its upgrade, its peers are registered too.
    pub fn named_peers_registered(&mut self, named: impl Fn(&str) -> Option<Principal>, now: u64) {
        if let Some(config) = self.config.get().with_named(&named) {
            self.config.set(config);
        }
        self.named_stores_added(named, now);
    }

    /// Lets a test set limits that are out of range as settings.
    #[cfg(test)]
    pub fn limits_changed(&mut self, change: impl FnOnce(&mut Limits)) {
        let mut limits = self.config.get().limits();
        change(&mut limits);
        self.sessions.set_limits(limits);
    }

    /// What [`State::configured`] would do. Stable memory stays as it was.
    pub fn configure_report(&self, args: GatewayArgs, now: u64) -> Result<ConfigureReport> {
        let old = self.config.get();
        let new = self.checked(args)?;
        let (from, to) = (old.public(), new.public());
        let added = to.blob_stores.iter().copied();
        let limits = new.limits();
        let [sessions_expiring, sessions_retiring] =
            self.sessions.count_overdue(&limits, now, MAX_COUNTED);
        let moved = from.memory_index.is_some() && from.memory_index != to.memory_index;
        Ok(ConfigureReport {
            changes: old.changes(&new),
            stores_added: added
                .filter(|store| self.registry.is_unknown(*store))
                .collect(),
            uploads_of_old_index: moved.then(|| self.uploads.len()),
            sessions_expiring: sessions_expiring as u64,
            sessions_retiring: sessions_retiring as u64,
            out_of_range: old.out_of_range(),
        })
    }

    /// The index of an upload or a deletion whose record names `noted`. Release 0.1.0 noted none
    /// and had one index, the first that this gateway knew.
    pub fn index_of(&self, noted: Option<Principal>) -> Option<Principal> {
        noted.or(self.config.get().first_index())
    }
}
