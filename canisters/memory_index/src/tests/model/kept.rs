//! The model: capsules, and a list of memories that each know everything about themselves.

use capsule_shared::Error;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub gateway: u8,
    pub session: u64,
    pub who: u8,
    pub capsule: u8,
    pub size: u64,
    pub deleted: bool,
    /// When it goes, while it is in the trash or taken down.
    pub purge_at: Option<u64>,
    pub taken_down: bool,
    pub store: u8,
    pub owner: u8,
}

#[derive(Default)]
pub struct Model {
    /// The owner of each capsule. A capsule's position is its number less one.
    pub capsules: Vec<u8>,
    /// The controllers of each capsule.
    pub controllers: BTreeSet<(u8, u8)>,
    /// A memory's position is its number less one.
    pub memories: Vec<Kept>,
    /// The owners of what gateways commit from now on; those that aren't here own it themselves.
    pub heirs: BTreeMap<u8, u8>,
    /// The memories that were ever taken down, by number, and when they were purged.
    pub takedowns: BTreeMap<u64, Option<u64>>,
}

impl Model {
    pub fn right(&self, who: u8, capsule: u8) -> Result<(), Error> {
        let owner = self.capsules.get(capsule as usize - 1);
        match owner.ok_or(Error::NotFound)? {
            owner if *owner == who => Ok(()),
            _ if self.controllers.contains(&(capsule, who)) => Ok(()),
            _ => Err(Error::Unauthorized),
        }
    }

    /// The number of the memory, or the error; a `Conflict` has no text.
    pub fn commit(&mut self, new: Kept) -> Result<u64, Error> {
        let same = |m: &&Kept| (m.gateway, m.session) == (new.gateway, new.session);
        if let Some(at) = self.memories.iter().position(|m| same(&m)) {
            let there = &self.memories[at];
            let contents = |m: &Kept| (m.who, m.capsule, m.size);
            return if there.deleted || there.taken_down {
                Err(Error::NotFound)
            } else if contents(there) == contents(&new) {
                Ok(at as u64 + 1)
            } else {
                Err(Error::conflict(""))
            };
        }
        self.right(new.who, new.capsule)?;
        let owner = self.heir(new.gateway);
        self.memories.push(Kept { owner, ..new });
        Ok(self.memories.len() as u64)
    }

    pub fn there(&self, memory: u64) -> Result<&Kept, Error> {
        let there = self.memories.get(memory as usize - 1);
        there.filter(|m| !m.deleted).ok_or(Error::NotFound)
    }

    /// The memory, if `who` may change it through this gateway.
    pub fn own(&mut self, gateway: u8, who: u8, memory: u64) -> Result<&mut Kept, Error> {
        let there = self.there(memory).ok().filter(|m| !m.taken_down);
        let there = there.ok_or(Error::NotFound)?;
        self.right(who, there.capsule)?;
        if there.owner != gateway {
            return Err(Error::conflict(""));
        }
        Ok(&mut self.memories[memory as usize - 1])
    }

    pub fn expire(&mut self, gateway: u8, memory: u64, now: u64, at: u64) -> Result<(), Error> {
        let there = self.there(memory)?;
        if there.owner != gateway || there.purge_at != Some(at) {
            return Err(Error::conflict(""));
        }
        if now < at {
            return Err(Error::temporary(""));
        }
        self.memories[memory as usize - 1].deleted = true;
        if let Some(purged) = self.takedowns.get_mut(&memory) {
            *purged = Some(now);
        }
        Ok(())
    }

    pub fn relocate(&mut self, gateway: u8, memory: u64, from: u8, to: u8) -> Result<(), Error> {
        let there = self.there(memory)?;
        if there.owner != gateway || ![from, to].contains(&there.store) {
            return Err(Error::conflict(""));
        }
        self.memories[memory as usize - 1].store = to;
        Ok(())
    }

    pub fn takedown(&mut self, memory: u64, now: u64) -> Result<(), Error> {
        if !self.takedowns.contains_key(&memory) {
            self.there(memory)?;
            let there = &mut self.memories[memory as usize - 1];
            (there.taken_down, there.purge_at) = (true, Some(now));
            self.takedowns.insert(memory, None);
        }
        Ok(())
    }

    fn heir(&self, gateway: u8) -> u8 {
        self.heirs.get(&gateway).copied().unwrap_or(gateway)
    }

    /// Each memory changes its owner by itself here; the index has a map for all of them.
    pub fn transfer(&mut self, from: u8, to: u8) -> Result<(), Error> {
        if from == to {
            return Err(Error::invalid(""));
        }
        match (self.heir(from), self.heir(to)) {
            (heir, _) if heir == to => return Ok(()),
            (heir, _) if heir != from => return Err(Error::conflict("")),
            (_, heir) if heir != to && heir != from => return Err(Error::conflict("")),
            _ => {}
        }
        for memory in self.memories.iter_mut().filter(|m| m.owner == from) {
            memory.owner = to;
        }
        for gateway in 1..4 {
            if self.heir(gateway) == from {
                self.heirs.insert(gateway, to);
            }
        }
        Ok(())
    }

    pub fn grant(&mut self, capsule: u8, whom: u8, add: bool) -> Result<(), Error> {
        let owner = *self
            .capsules
            .get(capsule as usize - 1)
            .ok_or(Error::NotFound)?;
        if add && owner == whom {
            return Err(Error::invalid(""));
        }
        if !add {
            self.right(whom, capsule)?;
            self.controllers.remove(&(capsule, whom));
        } else {
            self.controllers.insert((capsule, whom));
        }
        Ok(())
    }
}
