//! The gateway's methods, each repeated while that may help.

use crate::error::{Failure, Kind, Outcome};
use candid::utils::{ArgumentEncoder, encode_args};
use candid::{CandidType, Principal, decode_one};
use capsule_shared::Error;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::capsule::{Capsule, CapsuleHeader, PersonRef};
use capsule_shared::memory_index::{Memory, MemoryPage};
use capsule_shared::upload::{UploadFinishResult, UploadStatus};
use ic_agent::agent::RejectCode;
use ic_agent::{Agent, AgentError};
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(15);
/// A finish may have to wait until the store has hashed the whole file.
const FINISH_PATIENCE: Duration = Duration::from_secs(3_600);

/// One gateway in one identity's name.
#[derive(Clone)]
pub struct Gateway {
    agent: Agent,
    id: Principal,
    /// How long a call is repeated.
    patience: Duration,
}

/// Why one try gave no result.
enum Fault {
    /// The same again may succeed.
    Passing(String),
    /// It won't.
    Refused(Error),
    Final(Failure),
}

/// An answer of the canister: a value, or its own error.
pub type Answered<T> = Outcome<Result<T, Error>>;

impl Gateway {
    pub fn new(agent: Agent, id: Principal, patience: Duration) -> Self {
        Self {
            agent,
            id,
            patience,
        }
    }

    pub async fn own_capsule(&self) -> Outcome<Capsule> {
        let subject: Option<PersonRef> = None;
        self.update("capsules_create", (subject,)).await
    }

    pub async fn capsules(&self) -> Outcome<Vec<CapsuleHeader>> {
        let arg = encode(());
        let ask = || self.try_query("capsules_list", &arg);
        let reply = self.repeat(self.patience, ask).await?;
        let reply = reply.map_err(|e| refused("capsules_list", e))?;
        decode(&reply)
    }

    pub async fn begin(
        &self,
        capsule: &str,
        metadata: &AssetMetadata,
        chunks: u32,
        key: &str,
    ) -> Outcome<u64> {
        self.update("uploads_begin", (capsule, metadata, chunks, key))
            .await
    }

    /// The canister's own error is given back: what it means depends on the other chunks.
    pub async fn put(&self, session: u64, index: u32, bytes: &[u8]) -> Answered<()> {
        let args = (session, index, Bytes::new(bytes));
        self.ask_update("uploads_put_chunk", args, self.patience)
            .await
    }

    pub async fn finish(
        &self,
        session: u64,
        sha256: &[u8],
        bytes: u64,
    ) -> Outcome<UploadFinishResult> {
        let args = (session, Bytes::new(sha256), bytes);
        let patience = self.patience.max(FINISH_PATIENCE);
        let answer = self.ask_update("uploads_finish", args, patience).await?;
        answer.map_err(|e| refused("uploads_finish", e))
    }

    pub async fn abort(&self, session: u64) -> Outcome {
        self.update("uploads_abort", (session,)).await
    }

    pub async fn status(&self, session: u64) -> Answered<UploadStatus> {
        self.ask_query("uploads_status", (session,)).await
    }

    pub async fn uploads(&self) -> Outcome<Vec<UploadStatus>> {
        self.query("uploads_list", ()).await
    }

    pub async fn memories(&self, capsule: &str, cursor: Option<&str>) -> Outcome<MemoryPage> {
        let limit: Option<u32> = None;
        self.query("memories_list", (capsule, cursor, limit)).await
    }

    pub async fn memory(&self, id: &str) -> Outcome<Memory> {
        self.query("memories_read", (id,)).await
    }

    pub async fn delete(&self, memory: &str) -> Outcome {
        self.update("memories_delete", (memory,)).await
    }

    pub async fn chunk(&self, locator: &str, index: u32) -> Outcome<ByteBuf> {
        self.query("blob_read_chunk", (locator, index)).await
    }

    // ---- one call -------------------------------------------------------------------------------------------------

    async fn update<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Outcome<T> {
        let answer = self.ask_update(method, args, self.patience).await?;
        answer.map_err(|e| refused(method, e))
    }

    async fn query<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Outcome<T> {
        let answer = self.ask_query(method, args).await?;
        answer.map_err(|e| refused(method, e))
    }

    async fn ask_update<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        args: impl ArgumentEncoder,
        patience: Duration,
    ) -> Answered<T> {
        let arg = encode(args);
        let ask = async || {
            let call = self.agent.update(&self.id, method).with_arg(arg.clone());
            open(call.await.map_err(fault)?)
        };
        self.repeat(patience, ask).await
    }

    async fn ask_query<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Answered<T> {
        let arg = encode(args);
        let ask = async || open(self.try_query(method, &arg).await?);
        self.repeat(self.patience, ask).await
    }

    async fn try_query(&self, method: &str, arg: &[u8]) -> Result<Vec<u8>, Fault> {
        let call = self.agent.query(&self.id, method).with_arg(arg);
        call.call().await.map_err(fault)
    }

    /// Tries until there is an answer, with growing pauses, for as long as the patience lasts.
    async fn repeat<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        patience: Duration,
        mut ask: impl FnMut() -> F,
    ) -> Answered<T> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let reason = match ask().await {
                Ok(value) => return Ok(Ok(value)),
                Err(Fault::Refused(error)) => return Ok(Err(error)),
                Err(Fault::Final(failure)) => return Err(failure),
                Err(Fault::Passing(reason)) => reason,
            };
            if started.elapsed() + pause > patience {
                return Err(Failure::new(
                    Kind::Network,
                    format!("given up after {} s: {reason}", started.elapsed().as_secs()),
                ));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

fn encode(args: impl ArgumentEncoder) -> Vec<u8> {
    encode_args(args).expect("BUG: the arguments are Candid")
}

fn decode<T: CandidType + DeserializeOwned>(reply: &[u8]) -> Outcome<T> {
    decode_one(reply).map_err(|e| {
        Failure::new(
            Kind::Refused,
            format!("the reply is not of the upload interface: {e}"),
        )
    })
}

fn open<T: CandidType + DeserializeOwned>(reply: Vec<u8>) -> Result<T, Fault> {
    match decode::<Result<T, Error>>(&reply) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.is_temporary() => Err(Fault::Passing(error.to_string())),
        Ok(Err(error)) => Err(Fault::Refused(error)),
        Err(failure) => Err(Fault::Final(failure)),
    }
}

/// The canister's own error, as a failure of the command.
pub fn refused(what: &str, error: Error) -> Failure {
    let kind = match error {
        Error::NotFound => Kind::NotFound,
        Error::Unauthorized => Kind::Unauthorized,
        _ => Kind::Refused,
    };
    Failure::new(kind, error.to_string()).during(what)
}

/// What an agent's error means for another try.
fn fault(error: AgentError) -> Fault {
    match &error {
        AgentError::CertificateVerificationFailed()
        | AgentError::CertificateNotAuthorized()
        | AgentError::QuerySignatureVerificationFailed
        | AgentError::MissingSignature => Fault::Final(Failure::new(
            Kind::Integrity,
            format!("the answer is not signed by this network, is it the right one? {error}"),
        )),
        AgentError::TransportError(_)
        | AgentError::TimeoutWaitingForResponse()
        | AgentError::CertificateOutdated(_) => Fault::Passing(error.to_string()),
        AgentError::HttpError(payload) if payload.status >= 500 || payload.status == 429 => {
            Fault::Passing(error.to_string())
        }
        AgentError::HttpError(payload) => Fault::Final(Failure::new(
            Kind::Refused,
            format!(
                "the network refused the message (HTTP {}): {}",
                payload.status,
                String::from_utf8_lossy(&payload.content).trim()
            ),
        )),
        AgentError::CertifiedReject { reject, .. }
        | AgentError::UncertifiedReject { reject, .. } => {
            // a canister that is being upgraded is stopped for a moment
            let stopped = matches!(reject.error_code.as_deref(), Some("IC0508" | "IC0509"));
            match reject.reject_code == RejectCode::SysTransient || stopped {
                true => Fault::Passing(reject.reject_message.clone()),
                false => Fault::Final(Failure::new(
                    Kind::Refused,
                    format!("rejected: {}", reject.reject_message),
                )),
            }
        }
        _ => Fault::Final(Failure::new(Kind::Refused, error.to_string())),
    }
}
