//! Sends the calls of the clients, and keeps a note of each until its answer comes.

use super::model::{bytes, chunk, sha256};
use super::plan::Owner;
use super::run::{Asked, Flight, Run};
use super::verdict::{Checked, check_unavailable};
use super::world::{principal, stranger};
use crate::deployment::Part;
use crate::source::{UploadSpec, document};
use candid::utils::ArgumentEncoder;
use candid::{Principal, encode_args};
use serde_bytes::Bytes;

impl Run<'_> {
    pub(super) fn send(
        &mut self,
        who: Principal,
        method: &str,
        args: impl ArgumentEncoder,
        asked: Asked,
    ) -> Checked {
        let arg = encode_args(args).expect("BUG: arguments are Candid");
        let session = match asked {
            Asked::Put { session, .. } | Asked::Finish { session, .. } => {
                self.sessions.get(&session)
            }
            _ => None,
        };
        let ended = session.is_some_and(|s| s.ended);
        let acknowledged = session.is_some_and(|s| s.is_acknowledged(self.file(s.file).chunks));
        let is_removal = |flight: &&Flight| matches!(flight.asked, Asked::Remove);
        let in_flight = self.flights.iter().filter(is_removal).count() as u32;
        let removals = self.removals - in_flight;
        let gateway = self.world.deployment.gateway;
        match self.world.pic().submit_call(gateway, who, method, arg) {
            Ok(id) => self.flights.push(Flight {
                id,
                asked,
                gateway_disturbed: self.world.gateway_disturbed,
                seconds: self.world.seconds,
                round: self.world.rounds,
                ended,
                acknowledged,
                removals,
                empty_index_changes: self.world.empty_index_changes,
                index_is_old: self.world.is_old(Part::MemoryIndex),
            }),
            Err(reject) => check_unavailable(&reject)
                .map_err(|e| format!("{asked:?} was not accepted: {e}"))?,
        }
        Ok(())
    }

    pub(super) fn send_for(
        &mut self,
        session: u64,
        method: &str,
        args: impl ArgumentEncoder,
        asked: Asked,
    ) -> Checked {
        let owner = self.file(self.sessions[&session].file).owner;
        self.send(principal(owner), method, args, asked)
    }

    pub(super) fn next(&mut self, file: usize) -> Checked {
        let beginning =
            |flight: &Flight| matches!(flight.asked, Asked::Begin { file: f } if f == file);
        let Some(session) = self.current[file] else {
            return match self.flights.iter().any(beginning) {
                true => self.round(),
                false => self.begin(file),
            };
        };
        let on_its_way: Vec<u32> = self
            .flights
            .iter()
            .filter_map(|flight| match flight.asked {
                Asked::Put {
                    session: s, index, ..
                } if s == session => Some(index),
                _ => None,
            })
            .collect();
        let known = &self.sessions[&session];
        if known.ended || known.deleted {
            return self.begin(file);
        }
        let chunks = self.file(file).chunks;
        let missing = (0..chunks)
            .find(|index| !known.acknowledged.contains_key(index) && !on_its_way.contains(index));
        match missing {
            Some(index) => self.put(session, index, false),
            None if on_its_way.is_empty() => self.finish(session, false),
            None => self.round(),
        }
    }

    pub fn spec(&self, file: usize) -> UploadSpec {
        let plan = self.file(file);
        let size = (plan.chunks as usize - 1) * plan.len + plan.last;
        UploadSpec {
            metadata: document(
                &format!("file-{file}"),
                if plan.declared { size as u64 } else { 0 },
            ),
            chunk_size: plan.len,
            expected_chunks: plan.chunks,
            idempotency_key: format!("key-{file}"),
        }
    }

    pub(super) fn begin(&mut self, file: usize) -> Checked {
        let owner = self.file(file).owner;
        let spec = self.spec(file);
        let capsule = self.capsules[&owner].clone();
        let args = (
            &capsule,
            &spec.metadata,
            spec.expected_chunks,
            &spec.idempotency_key,
        );
        self.send(
            principal(owner),
            "uploads_begin",
            args,
            Asked::Begin { file },
        )
    }

    pub(super) fn put(&mut self, session: u64, index: u32, altered: bool) -> Checked {
        let file = self.sessions[&session].file;
        let bytes = chunk(file, self.file(file), index, altered);
        if altered {
            self.known(session).altered.insert(index);
        }
        let args = (session, index, Bytes::new(&bytes));
        let asked = Asked::Put {
            session,
            index,
            altered,
        };
        self.send_for(session, "uploads_put_chunk", args, asked)
    }

    pub(super) fn finish(&mut self, session: u64, wrong: bool) -> Checked {
        let number = self.sessions[&session].file;
        let file = self.file(number);
        let composition = self.sessions[&session].composition(file.chunks);
        let whole = bytes(number, file, &composition);
        let hash = if wrong { [0; 32] } else { sha256(&whole) };
        let known = self.known(session);
        if !wrong {
            known.finishes.insert(composition.clone());
        }
        // Carol may have lost her right.
        known.may_have_ended |= file.owner == Owner::Carol;
        let args = (session, Bytes::new(&hash), whole.len() as u64);
        let asked = Asked::Finish {
            session,
            composition: (!wrong).then_some(composition),
        };
        self.send_for(session, "uploads_finish", args, asked)
    }

    pub(super) fn delete(&mut self, file: usize) -> Checked {
        let committed = self.sessions.iter().find(|(_, session)| {
            session.file == file && session.committed.is_some() && !session.deleted
        });
        let Some((id, session)) = committed else {
            return Ok(());
        };
        let (id, result) = (*id, session.committed.as_ref());
        let memory = result
            .expect("BUG: only committed sessions were searched")
            .0
            .memory_id
            .clone();
        let known = self.known(id);
        known.delete_sent = true;
        known.may_have_ended = true;
        let session = id;
        let restores = self.settled_restores(id);
        let asked = Asked::Delete { session, restores };
        self.send_for(id, "memories_delete", (memory,), asked)
    }

    pub(super) fn restore(&mut self, file: usize) -> Checked {
        let Some((session, memory)) = self.asked_to_delete(file) else {
            return Ok(());
        };
        let known = self.known(session);
        known.restores += 1;
        known.deleted = false;
        known.purged = false;
        let asked = Asked::Restore { session };
        self.send_for(session, "memories_restore", (memory,), asked)
    }

    pub(super) fn purge(&mut self, file: usize) -> Checked {
        let Some((session, memory)) = self.asked_to_delete(file) else {
            return Ok(());
        };
        let restores = self.settled_restores(session);
        let asked = Asked::Purge { session, restores };
        self.send_for(session, "memories_purge", (memory,), asked)
    }

    /// The newest session of a file, and its memory, whose deletion was asked for.
    fn asked_to_delete(&self, file: usize) -> Option<(u64, String)> {
        let mut sessions = self.sessions.iter().rev();
        sessions.find_map(|(id, session)| {
            let (result, _) = session.committed.as_ref()?;
            let asked = session.file == file && session.delete_sent;
            asked.then(|| (*id, result.memory_id.clone()))
        })
    }

    /// How many restores of a session's memory were sent, if all are answered.
    fn settled_restores(&self, session: u64) -> Option<u32> {
        let mut flights = self.flights.iter();
        let open = flights
            .any(|flight| matches!(flight.asked, Asked::Restore { session: s } if s == session));
        (!open).then(|| self.sessions[&session].restores)
    }

    pub(super) fn intrude(&mut self, file: usize) -> Checked {
        let Some(session) = self.current[file] else {
            return Ok(());
        };
        let put = (session, 0u32, Bytes::new(b"intruder"));
        self.send(stranger(), "uploads_put_chunk", put, Asked::Intrude)?;
        let finish = (session, Bytes::new(&[0; 32]), 0u64);
        self.send(stranger(), "uploads_finish", finish, Asked::Intrude)
    }

    pub(super) fn grant(&mut self, add: bool) -> Checked {
        let (method, asked) = match add {
            true => ("capsules_add_controller", Asked::Grant),
            false => ("capsules_remove_controller", Asked::Remove),
        };
        if !add {
            self.carol_may_lose_uploads();
        }
        let args = (
            &self.capsules[&Owner::Alice].clone(),
            principal(Owner::Carol),
        );
        self.send(principal(Owner::Alice), method, args, asked)
    }

    /// Carol's uploads may end with her right.
    fn carol_may_lose_uploads(&mut self) {
        self.removals += 1;
        for session in self.sessions.values_mut() {
            let owner = self.history.files[session.file].owner;
            session.may_have_ended |= owner == Owner::Carol;
        }
    }
}
