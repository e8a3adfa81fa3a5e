//! One call of a canister, repeated while that may help.

use crate::console;
use crate::network::clocks::Expiry;
use crate::network::error::{CallError, Cause};
use candid::{CandidType, Principal, decode_one};
use capsule_shared::Error as Refusal;
use ic_agent::agent::RejectCode;
use ic_agent::{Agent, AgentError};
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};
use time::OffsetDateTime;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// Error codes of a stopping and of a stopped canister; an upgrade stops one for a moment.
///
/// Source: the replica's error codes.
const STOPPED: [&str; 2] = ["IC0508", "IC0509"];

/// Why one attempt gave no result.
enum Fault {
    /// The same call may succeed later.
    Temporary(String),
    Final(Cause),
}

/// A canister, called by one identity.
#[derive(Clone)]
pub struct Caller {
    pub agent: Agent,
    pub canister: Principal,
}

/// One call: its method, its encoded argument and its patience.
pub struct Call<'a> {
    /// The item or the action, as an error names it.
    pub what: String,
    pub method: &'a str,
    pub arg: Vec<u8>,
    /// How long the call is repeated.
    pub patience: Duration,
}

impl Caller {
    /// An update whose reply is `variant { Ok; Err : Error }`.
    pub async fn update<T: CandidType + DeserializeOwned>(
        &self,
        call: Call<'_>,
    ) -> Result<T, CallError> {
        let attempt = async || {
            let update = self.agent.update(&self.canister, call.method);
            open(&update.with_arg(call.arg.clone()).await.map_err(fault)?)
        };
        repeat(call.what, call.patience, attempt).await
    }

    /// A query whose reply is `variant { Ok; Err : Error }`.
    pub async fn query<T: CandidType + DeserializeOwned>(
        &self,
        call: Call<'_>,
    ) -> Result<T, CallError> {
        let attempt = async || open(&self.ask(&call).await?);
        repeat(call.what.clone(), call.patience, attempt).await
    }

    /// A query whose reply has no room for an error.
    pub async fn plain_query<T: CandidType + DeserializeOwned>(
        &self,
        call: Call<'_>,
    ) -> Result<T, CallError> {
        let attempt = async || {
            let reply = self.ask(&call).await?;
            decode_one(&reply).map_err(|e| Fault::Final(Cause::Reply(e)))
        };
        repeat(call.what.clone(), call.patience, attempt).await
    }

    /// A public section of the canister's module, as the network certifies it. `None` if the
    /// network certifies that there is none.
    pub async fn metadata(
        &self,
        what: String,
        section: &str,
        patience: Duration,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let agent = &self.agent;
        let attempt = async || {
            let read = agent.read_state_canister_metadata(self.canister, section);
            certified(read.await)
        };
        repeat(what, patience, attempt).await
    }

    /// The SHA-256 of the canister's module, as the network certifies it. `None` if it has none.
    pub async fn module(
        &self,
        what: String,
        patience: Duration,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let agent = &self.agent;
        let attempt =
            async || certified(agent.read_state_canister_module_hash(self.canister).await);
        repeat(what, patience, attempt).await
    }

    async fn ask(&self, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
        let query = self.agent.query(&self.canister, call.method);
        query.with_arg(call.arg.clone()).await.map_err(fault)
    }
}

/// The value that the network certifies. `None` if it certifies that there is none.
fn certified<T>(read: Result<T, AgentError>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(AgentError::LookupPathAbsent(_)) => Ok(None),
        Err(error) => Err(fault(error)),
    }
}

/// Repeats an attempt with growing pauses, until it has an outcome or the patience ends.
async fn repeat<T>(
    what: String,
    patience: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, Fault>,
) -> Result<T, CallError> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let reason = match attempt().await {
            Ok(value) => return Ok(value),
            Err(Fault::Final(cause)) => return Err(CallError { what, cause }),
            Err(Fault::Temporary(reason)) => reason,
        };
        if started.elapsed() + pause > patience {
            let seconds = started.elapsed().as_secs();
            let cause = Cause::GivenUp { seconds, reason };
            return Err(CallError { what, cause });
        }
        console::detail(|| {
            let seconds = pause.as_secs_f32();
            format!("{what}: {reason}; another attempt follows in {seconds} s")
        });
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

fn open<T: CandidType + DeserializeOwned>(reply: &[u8]) -> Result<T, Fault> {
    match decode_one::<Result<T, Refusal>>(reply) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.is_temporary() => Err(Fault::Temporary(error.to_string())),
        Ok(Err(error)) => Err(Fault::Final(Cause::Refused(error))),
        Err(error) => Err(Fault::Final(Cause::Reply(error))),
    }
}

/// Whether an agent's error is worth another attempt.
fn fault(error: AgentError) -> Fault {
    match error {
        AgentError::CertificateVerificationFailed()
        | AgentError::CertificateNotAuthorized()
        | AgentError::QuerySignatureVerificationFailed
        | AgentError::MissingSignature => Fault::Final(Cause::Unproven(Box::new(error))),
        AgentError::TransportError(_)
        | AgentError::TimeoutWaitingForResponse()
        | AgentError::CertificateOutdated(_) => Fault::Temporary(error.to_string()),
        AgentError::HttpError(ref payload) if payload.status >= 500 || payload.status == 429 => {
            Fault::Temporary(error.to_string())
        }
        AgentError::HttpError(payload) => {
            let text = String::from_utf8_lossy(&payload.content).trim().to_string();
            match Expiry::refused(&text, OffsetDateTime::now_utc()) {
                Some(Expiry::Clocks(clocks)) => Fault::Final(Cause::Clocks(clocks)),
                Some(Expiry::Late) => Fault::Temporary("the message arrived too late".into()),
                None => Fault::Final(Cause::Http {
                    status: payload.status,
                    text,
                }),
            }
        }
        AgentError::CertifiedReject { reject, .. }
        | AgentError::UncertifiedReject { reject, .. } => {
            let code = reject.error_code.as_deref();
            let stopped = code.is_some_and(|code| STOPPED.contains(&code));
            match reject.reject_code == RejectCode::SysTransient || stopped {
                true => Fault::Temporary(reject.reject_message),
                false => Fault::Final(Cause::Rejected(reject.reject_message)),
            }
        }
        error => Fault::Final(Cause::Agent(Box::new(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_agent::agent::RejectResponse;

    const NO_PATIENCE: Duration = Duration::ZERO;

    fn opened(reply: &Result<u64, Refusal>) -> Result<u64, Fault> {
        open(&candid::encode_one(reply).unwrap())
    }

    #[test]
    fn only_temporary_errors_of_a_canister_are_repeated() {
        assert!(matches!(opened(&Ok(7)), Ok(7)));
        let temporary = opened(&Err(Refusal::temporary("peer stopped")));
        assert!(matches!(temporary, Err(Fault::Temporary(_))));
        for last in [
            Refusal::NotFound,
            Refusal::ResourceExhausted,
            Refusal::Internal("broken".into()),
        ] {
            let cause = opened(&Err(last.clone()));
            assert!(
                matches!(&cause, Err(Fault::Final(Cause::Refused(error))) if *error == last),
                "{last}"
            );
        }
        let noise = open::<u64>(b"no Candid");
        assert!(matches!(noise, Err(Fault::Final(Cause::Reply(_)))));
    }

    #[test]
    fn a_stopped_canister_is_asked_again_and_another_rejection_is_final() {
        let rejected = |reject_code, code: Option<&str>| {
            fault(AgentError::UncertifiedReject {
                reject: RejectResponse {
                    reject_code,
                    reject_message: "no".into(),
                    error_code: code.map(str::to_string),
                },
                operation: None,
            })
        };
        for temporary in [
            rejected(RejectCode::SysTransient, None),
            rejected(RejectCode::CanisterError, Some("IC0508")),
            rejected(RejectCode::CanisterError, Some("IC0509")),
        ] {
            assert!(matches!(temporary, Fault::Temporary(_)));
        }
        let trapped = rejected(RejectCode::CanisterError, Some("IC0502"));
        assert!(matches!(trapped, Fault::Final(Cause::Rejected(_))));
    }

    #[tokio::test]
    async fn the_patience_ends_with_the_last_reason() {
        let mut attempts = 0;
        let attempt = async || {
            attempts += 1;
            Err::<(), _>(Fault::Temporary("peer stopped".into()))
        };
        let error = repeat("chunk 3".into(), NO_PATIENCE, attempt).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "chunk 3: no success within 0 s (peer stopped); repeat the command later"
        );
        assert_eq!(attempts, 1);
    }
}
