//! Inspection of ingress: refuses what could only waste cycles, before it costs anything.
//!
//! The network then says that the canister refused the message. Smaller mistakes get the typed
//! error of their method. The methods keep all their own checks: calls of canisters aren't
//! inspected, and the state may have changed when an inspected message runs.

use super::service::UploadService;
use super::types::SessionId;
use crate::runtime::Runtime;
use crate::wire::PutChunk;
use candid::Principal;
use canister_common::args::decode;
use capsule_shared::asset::AssetMetadata;
use capsule_shared::capsule::PersonRef;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::limits::MAX_METADATA_BYTES;
use capsule_shared::stores::StoreState;
use ic_stable_structures::Memory;
use serde_bytes::ByteBuf;

/// A chunk of at most this many bytes always runs, so that the caller gets a typed error.
const SMALL_CHUNK_BYTES: usize = 256 * 1024;

/// The most bytes of other arguments: the metadata, and room for the other texts and all types.
const MAX_ARGUMENT_BYTES: usize = 4 * MAX_METADATA_BYTES;

/// The most bytes of a canister controller's arguments: lists of principals may be long.
const MAX_SETTINGS_BYTES: usize = 1 << 20;

/// An ingress message under inspection.
pub struct Ingress {
    pub caller: Principal,
    /// Whether the caller is a canister controller.
    pub is_controller: bool,
    pub method: String,
    pub arg: Vec<u8>,
}

impl<M: Memory + 'static, R: Runtime> UploadService<M, R> {
    /// Whether a message may run.
    pub fn admits(&self, ingress: Ingress) -> bool {
        let Ingress {
            caller,
            is_controller,
            method,
            arg,
        } = ingress;
        let small = arg.len() <= MAX_ARGUMENT_BYTES;
        let decodes = match method.as_str() {
            "configure" | "configure_check" => {
                return is_controller
                    && arg.len() <= MAX_SETTINGS_BYTES
                    && decode::<(GatewayArgs,)>(&arg).is_ok();
            }
            "stores_add" | "stores_remove" | "stores_retire" => {
                return is_controller && small && decode::<(Principal,)>(&arg).is_ok();
            }
            "stores_set_state" => {
                return is_controller && small && decode::<(Principal, StoreState)>(&arg).is_ok();
            }
            "stores_set_capacity" => {
                return is_controller && small && decode::<(Principal, Option<u64>)>(&arg).is_ok();
            }
            "configuration" | "sessions_cleanup_expired" | "sessions_holders" | "stores_list" => {
                return is_controller && small && decode::<()>(&arg).is_ok();
            }
            "principals_add" | "principals_remove" | "principals_block" | "principals_unblock" => {
                return is_controller
                    && arg.len() <= MAX_SETTINGS_BYTES
                    && decode::<(Vec<Principal>,)>(&arg).is_ok();
            }
            "principals_list" => {
                return is_controller && small && decode::<(Option<Principal>,)>(&arg).is_ok();
            }
            "sessions_end" => {
                return is_controller && small && decode::<(Vec<u64>,)>(&arg).is_ok();
            }
            "uploads_put_chunk" => match PutChunk::inspect(&arg) {
                Ok((session_id, bytes)) => self.admits_chunk(caller, SessionId(session_id), bytes),
                Err(_) => false,
            },
            "uploads_begin" => {
                small && decode::<(String, AssetMetadata, u32, String)>(&arg).is_ok()
            }
            "uploads_finish" => small && decode::<(u64, ByteBuf, u64)>(&arg).is_ok(),
            "uploads_abort" | "uploads_status" => small && decode::<(u64,)>(&arg).is_ok(),
            "capsules_create" => small && decode::<(Option<PersonRef>,)>(&arg).is_ok(),
            "capsules_add_controller" | "capsules_remove_controller" => {
                small && decode::<(String, Principal)>(&arg).is_ok()
            }
            "memories_read_certified"
            | "memories_delete"
            | "memories_restore"
            | "memories_purge"
            | "capsules_leave" => small && decode::<(String,)>(&arg).is_ok(),
            // Agents may send queries as updates.
            "upload_config" | "uploads_list" | "sessions_stats" | "sessions_list" => {
                small && decode::<()>(&arg).is_ok()
            }
            // Nobody can send composite queries as updates, and there are no other methods.
            _ => false,
        };
        // A query that is sent as an update costs like one, so a blocked caller sends none.
        decodes && self.check_updates(caller).is_ok()
    }

    fn admits_chunk(&self, caller: Principal, id: SessionId, bytes: usize) -> bool {
        let now = self.runtime.now();
        self.with(|state| {
            let sessions = state.sessions();
            let runs = bytes <= SMALL_CHUNK_BYTES
                || sessions.owned(id, caller).is_ok()
                || sessions.ended_lately(id, caller, now);
            runs && state.budgets_admit(caller, bytes, now)
        })
    }
}
