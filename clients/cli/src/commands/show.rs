//! The commands that list and show.

use crate::failure::Outcome;
use crate::network::gateway::Gateway;
use crate::output::Output;
use capsule_shared::capsule::{CapsuleHeader, PersonRef};
use capsule_shared::upload::UploadStatus;
use serde_json::json;

pub struct Show {
    pub gateway: Gateway,
    pub output: Output,
}

impl Show {
    /// Lists the capsules that the caller may read and write.
    pub async fn capsules(&self) -> Outcome {
        for capsule in self.gateway.capsules().await? {
            self.output.result(&line(&capsule), {
                json!({
                    "capsule": capsule.id,
                    "subject": subject(&capsule.subject),
                    "memories": capsule.memory_count,
                    "owners": capsule.owner_count,
                    "controllers": capsule.controller_count,
                    "created_at_ns": capsule.created_at,
                })
            });
        }
        Ok(())
    }

    /// Shows one upload, or all uploads of the caller that the gateway remembers.
    pub async fn uploads(&self, session: Option<u64>) -> Outcome {
        let uploads = match session {
            Some(session) => vec![self.gateway.status(session).await?],
            None => self.gateway.uploads().await?,
        };
        for upload in uploads {
            self.upload(&upload);
        }
        Ok(())
    }

    fn upload(&self, upload: &UploadStatus) {
        let state = format!("{:?}", upload.state).to_lowercase();
        let missing: u32 = upload
            .missing_chunks
            .iter()
            .map(|range| range.last - range.first + 1)
            .sum();
        let ranges: Vec<[u32; 2]> = upload
            .missing_chunks
            .iter()
            .map(|range| [range.first, range.last])
            .collect();
        self.output.result(
            &format!(
                "session {}  {state}  {} of {} chunks, {} bytes  {}",
                upload.session_id,
                upload.expected_chunks - missing,
                upload.expected_chunks,
                upload.received_bytes,
                upload.name
            ),
            json!({
                "session": upload.session_id,
                "state": state,
                "name": upload.name,
                "capsule": upload.capsule_id,
                "declared_bytes": upload.declared_bytes,
                "received_bytes": upload.received_bytes,
                "expected_chunks": upload.expected_chunks,
                "missing_chunks": ranges,
                "expires_at_ns": upload.expires_at,
            }),
        );
    }
}

fn line(capsule: &CapsuleHeader) -> String {
    format!(
        "{}  {} memories  {}",
        capsule.id,
        capsule.memory_count,
        subject(&capsule.subject)
    )
}

fn subject(person: &PersonRef) -> String {
    match person {
        PersonRef::Principal(principal) => principal.to_text(),
        PersonRef::Opaque(text) => text.clone(),
    }
}
