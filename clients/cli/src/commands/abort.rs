//! The command that gives uploads up.

use crate::console;
use crate::failure::{Failure, Outcome, several};
use crate::network::gateway::Gateway;
use crate::network::refused::UploadError;
use crate::output::Output;
use capsule_shared::upload::UploadState;
use serde_json::json;
use std::collections::BTreeSet;

/// The last word about uploads that are still there.
const NOT_GIVEN_UP: &str = "uploads are not given up, expected none";

pub struct Aborts {
    pub gateway: Gateway,
    pub output: Output,
}

impl Aborts {
    /// Gives these uploads up. One that fails doesn't stop the others.
    pub async fn these(&self, sessions: &[u64]) -> Outcome {
        if let [session] = sessions {
            return self.one(*session).await;
        }
        let mut failures = Vec::new();
        for session in sessions {
            if let Err(failure) = self.one(*session).await {
                self.tell(&failure);
                failures.push(failure);
            }
        }
        several(&failures, sessions.len(), NOT_GIVEN_UP)
    }

    /// Gives up all pending uploads of the caller.
    pub async fn all(&self) -> Outcome {
        let mut tried = BTreeSet::new();
        let mut failures = Vec::new();
        loop {
            // The list is long enough for all uploads of most users, but not of all.
            let listed = self.gateway.uploads().await?;
            let pending: Vec<u64> = listed
                .iter()
                .filter(|upload| upload.state == UploadState::Pending)
                .map(|upload| upload.session_id)
                .filter(|session| tried.insert(*session))
                .collect();
            if pending.is_empty() {
                break;
            }
            for session in pending {
                if let Err(failure) = self.abort(session).await {
                    self.tell(&failure);
                    failures.push(failure);
                }
            }
        }
        if tried.is_empty() && !self.output.json {
            self.output.result("no upload is pending", json!(null));
        }
        several(&failures, tried.len(), NOT_GIVEN_UP)
    }

    /// The gateway answers an unknown session like one that it gives up, so it is asked before.
    async fn one(&self, session: u64) -> Outcome {
        let status = self.gateway.status_surely(session).await?;
        match status.state {
            UploadState::Pending => self.abort(session).await,
            UploadState::Finishing => Err(UploadError::Finishing { session }.into()),
            UploadState::Committed => Err(UploadError::Committed { session }.into()),
        }
    }

    async fn abort(&self, session: u64) -> Outcome {
        self.gateway.abort(session).await?;
        self.output.result(
            &format!("session {session} is given up"),
            json!({ "session": session, "aborted": true }),
        );
        Ok(())
    }

    fn tell(&self, failure: &Failure) {
        console::error(&failure.to_string());
        self.output.failure(None, failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_is_told_is_not_told_again() {
        let finishing = Failure::from(UploadError::Finishing { session: 5 });
        let (told, kind) = (finishing.to_string(), finishing.kind());
        let failure = several(&[finishing], 1, NOT_GIVEN_UP).unwrap_err();
        let text = "1 of 1 uploads are not given up, expected none";
        assert_eq!(failure.to_string(), text);
        assert!(!failure.to_string().contains(&told));
        assert_eq!(failure.kind(), kind);
        assert!(several(&[], 1, NOT_GIVEN_UP).is_ok());
    }
}
