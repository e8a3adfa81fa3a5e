//! Histories that begin with canisters of release 0.1.0: how they are filled, upgraded and watched.

use super::plan::{Beginning, Place, Progress};
use super::run::Run;
use super::verdict::Checked;
use super::world::World;
use crate::client::Called;
use crate::deployment::Part;
use crate::metrics::metrics;
use capsule_shared::blob_store::{MigrationStatus, StoreStatus};
use capsule_shared::gateway::GatewayArgs;

/// Rounds within which the uploads of the beginning get as far as they should.
const MAX_ROUNDS: u32 = 200;

/// Turns of the background work of the store or the index, within which it must end. Each takes a
/// little more than the 30 s after which a lost turn is asked for again.
const MAX_TURNS: u32 = 60;
const TURN_SECONDS: u64 = 31;

impl Beginning {
    pub(super) fn is_old(&self, part: Part) -> bool {
        match part {
            Part::Gateway => self.gateway,
            Part::BlobStore => true,
            Part::MemoryIndex => self.index,
        }
    }
}

impl Run<'_> {
    /// Has the people upload to the canisters of release 0.1.0, before anything is disturbed.
    pub(super) fn upload_before(&mut self, beginning: &Beginning) -> Checked {
        for _ in 0..MAX_ROUNDS {
            let behind: Vec<usize> = (0..beginning.uploads.len())
                .filter(|file| !self.has_reached(*file, beginning.uploads[*file]))
                .collect();
            if behind.is_empty() && self.flights.is_empty() {
                return Ok(());
            }
            for file in behind {
                self.next(file)?;
            }
            self.round()?;
        }
        Err("release 0.1.0 doesn't take the uploads that come before".into())
    }

    fn has_reached(&self, file: usize, wanted: Progress) -> bool {
        let known = self.current[file].map(|session| &self.sessions[&session]);
        let acknowledged = known.map_or(0, |known| known.acknowledged.len() as u32);
        match wanted {
            Progress::Nothing => true,
            Progress::Open(chunks) => acknowledged >= chunks.min(self.file(file).chunks),
            Progress::Committed => known.is_some_and(|known| known.committed.is_some()),
        }
    }

    /// Notes whether people got an answer while the store had chunks to copy, before and after the
    /// step that brought it.
    pub(super) fn note_copying(&mut self) {
        if self.history.beginning.is_none() {
            return;
        }
        let copying = !self.world.is_old(Part::BlobStore) && self.left_to_copy() > 0.0;
        if copying && self.copying && self.tally.ok > self.ok_before {
            self.tally.while_copying = 1;
        }
        (self.copying, self.ok_before) = (copying, self.tally.ok);
    }

    /// Chunks that the store has to copy; 0 while it can't say.
    fn left_to_copy(&self) -> f64 {
        let metrics = metrics(&self.world.deployment, Part::BlobStore).unwrap_or_default();
        let left = metrics.get("blob_store_schema_1_chunks");
        left.copied().unwrap_or(0.0)
    }

    /// Waits until the index has entered all memories of release 0.1.0.
    pub(super) fn memories_are_entered(&mut self) -> Checked {
        for _ in 0..MAX_TURNS {
            let metrics = metrics(&self.world.deployment, Part::MemoryIndex)?;
            if metrics["memory_index_memories_unplaced"] == 0.0 {
                return Ok(());
            }
            // The call has it go on, in case a turn was lost.
            self.world.register(Place::Index, "gateways_register");
            self.world.pass(TURN_SECONDS);
        }
        Err("the index doesn't enter the memories of release 0.1.0".into())
    }

    /// Waits until the store has copied everything. No upload may be open.
    pub(super) fn everything_is_copied(&mut self) -> Checked {
        let mut last = self.world.migration()?;
        for _ in 0..MAX_TURNS {
            let expected = match self.history.beginning {
                None => MigrationStatus::Nothing,
                Some(_) => MigrationStatus::Done,
            };
            if last == expected {
                return Ok(());
            }
            self.world.pass(TURN_SECONDS);
            last = self.world.migration()?;
        }
        Err(format!("the store doesn't copy to the end: {last:?}"))
    }
}

impl World {
    /// Whether the canister still has its module of release 0.1.0.
    pub(super) fn is_old(&self, part: Part) -> bool {
        self.old.contains(&part)
    }

    /// Upgrades a gateway of release 0.1.0, and gives it the settings that release doesn't know.
    pub(super) fn upgrade_old_gateway(&mut self) -> Checked {
        if !self.is_old(Part::Gateway) {
            return Ok(());
        }
        self.upgrade(Place::Gateway, false)?;
        let args = GatewayArgs {
            trash_retention_ns: self.settings.trash_retention_ns,
            ..GatewayArgs::default()
        };
        let gateway = self.operator(Part::Gateway);
        let configured: Called<()> = gateway.update("configure", (args,));
        configured.map_err(|e| format!("the upgraded gateway takes no settings: {e}"))
    }

    /// Upgrades every canister that is still of release 0.1.0. All must run.
    pub(super) fn upgrade_the_rest(&mut self) -> Checked {
        for place in [Place::Gateway, Place::Store, Place::Index] {
            if self.is_old(place.part()) {
                self.upgrade(place, false)?;
            }
        }
        match self.old.is_empty() {
            true => Ok(()),
            false => Err(format!("{:?} can't be upgraded", self.old)),
        }
    }

    /// How far the store has copied. The call has it go on, in case a turn was lost.
    fn migration(&self) -> Checked<MigrationStatus> {
        let status: Called<StoreStatus> = self.operator(Part::BlobStore).update("store_status", ());
        let status = status.map_err(|e| format!("store_status: {e}"))?;
        Ok(status.migration)
    }
}
