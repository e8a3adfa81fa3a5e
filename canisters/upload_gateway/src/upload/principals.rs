//! The operator's means against floods: list known principals, block others, end sessions.

use super::people::MarkKind;
use super::service::UploadService;
use super::types::{SessionId, SessionMeta};
use crate::failure::{Failure, Result};
use crate::runtime::Runtime;
use crate::session::standing::Standing;
use candid::Principal;
use capsule_shared::principals::{PrincipalEntry, PrincipalPage, SessionHolder};
use ic_stable_structures::Memory;
use std::collections::BTreeSet;

/// The most principals or sessions of one call, and the most principals in a page.
const MAX_AT_ONCE: usize = 1_000;

/// The most principals of each standing that `sessions_holders` shows.
const MAX_HOLDERS: usize = 100;

/// The most sessions that one call ends: about 3 G instructions.
const MAX_ENDED: usize = 1_000;

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// `Unauthorized` unless `caller` may change anything here: it isn't blocked, and anonymous
    /// only if the settings allow it.
    pub fn check_updates(&self, caller: Principal) -> Result<()> {
        self.with(|state| state.check_updates(caller))
    }

    /// Lists principals as known, or takes them off the list: `InvalidArgument`.
    pub fn list_principals(&self, principals: &[Principal], listed: bool) -> Result<()> {
        check_count(principals.len())?;
        let now = self.runtime.now();
        for who in principals {
            self.with(|state| state.principal_marked(MarkKind::Listed, *who, listed, now));
        }
        Ok(())
    }

    /// Blocks principals and ends their pending sessions, at most 1,000. Returns how many it
    /// ended. A repeated call ends the rest. `InvalidArgument`.
    pub fn block_principals(&self, principals: &[Principal]) -> Result<u32> {
        check_count(principals.len())?;
        let now = self.runtime.now();
        let mut ended = 0;
        for who in principals {
            let sessions = self.with(|state| {
                state.principal_marked(MarkKind::Blocked, *who, true, now);
                state.sessions_of_ended(*who, MAX_ENDED - ended, now)
            });
            ended += sessions.len();
            self.log_expired(&sessions);
        }
        self.schedule();
        Ok(ended as u32)
    }

    /// Lets principals in again: `InvalidArgument`.
    pub fn unblock_principals(&self, principals: &[Principal]) -> Result<()> {
        check_count(principals.len())?;
        let now = self.runtime.now();
        for who in principals {
            self.with(|state| state.principal_marked(MarkKind::Blocked, *who, false, now));
        }
        Ok(())
    }

    /// The listed and the blocked principals behind `cursor`, at most 1,000.
    pub fn principals(&self, cursor: Option<Principal>) -> PrincipalPage {
        self.with(|state| {
            let people = state.people();
            let mut found = BTreeSet::new();
            for kind in [MarkKind::Listed, MarkKind::Blocked] {
                found.extend(people.page(kind, cursor, MAX_AT_ONCE + 1));
            }
            let more = found.len() > MAX_AT_ONCE;
            let page = found.into_iter().take(MAX_AT_ONCE);
            let principals: Vec<_> = page
                .map(|principal| PrincipalEntry {
                    principal,
                    known_since: people.since(MarkKind::Listed, principal),
                    blocked_since: people.since(MarkKind::Blocked, principal),
                    first_upload_at: people.since(MarkKind::Uploaded, principal),
                })
                .collect();
            let last = principals.last().map(|entry| entry.principal);
            PrincipalPage {
                principals,
                next: last.filter(|_| more),
            }
        })
    }

    /// The principals with the most active sessions, the largest first: at most 100 new ones, and
    /// as many known ones.
    pub fn session_holders(&self) -> Vec<SessionHolder> {
        let mut all = Vec::new();
        self.with(|state| {
            for standing in Standing::ALL {
                let largest = state.sessions().largest_holders(standing, MAX_HOLDERS);
                all.extend(
                    largest
                        .into_iter()
                        .map(|(principal, sessions, since)| SessionHolder {
                            principal,
                            sessions,
                            known: standing == Standing::Known,
                            no_progress_since: since,
                        }),
                );
            }
        });
        all.sort_by_key(|holder| std::cmp::Reverse(holder.sessions));
        all
    }

    /// Ends pending sessions by id, and returns those that it ended. Unknown, finishing and
    /// committed ones stay as they are. `InvalidArgument`.
    pub fn end_sessions(&self, ids: &[u64]) -> Result<Vec<u64>> {
        check_count(ids.len())?;
        let ids: Vec<_> = ids.iter().copied().map(SessionId).collect();
        let now = self.runtime.now();
        let ended = self.with(|state| state.ended(&ids, now));
        self.log_expired(&ended);
        self.schedule();
        Ok(ended.iter().map(|session| session.id.0).collect())
    }

    /// Prints the line of each session that ended before its owner wanted it.
    pub(super) fn log_expired(&self, ended: &[SessionMeta]) {
        for session in ended {
            self.runtime
                .log(&format!("SESSION_EXPIRED sid={}", session.id));
        }
    }
}

fn check_count(count: usize) -> Result<()> {
    if count > MAX_AT_ONCE {
        return Err(Failure::invalid(format!(
            "the list has {count} entries, expected at most {MAX_AT_ONCE}"
        )));
    }
    Ok(())
}
