//! The methods of the canisters that are for their controllers.

use crate::network::canister::{Canister, OperatorError};
use candid::Principal;
use capsule_shared::blob_store::{CheckOptions, CheckStatus, StoreStatus};
use capsule_shared::gateway::GatewayConfig;
use capsule_shared::operators::GatewayTransfer;
use capsule_shared::principals::{PrincipalEntry, PrincipalPage, SessionHolder};
use capsule_shared::stores::{StoreEntry, StoreState};

/// The most principals or sessions of one call.
///
/// Source: the interface of the gateway.
const MOST_AT_ONCE: usize = 1_000;

type Result<T> = std::result::Result<T, OperatorError>;

/// The gateway.
impl Canister {
    pub async fn configuration(&self) -> Result<GatewayConfig> {
        self.query("configuration", ()).await
    }

    pub async fn stores(&self) -> Result<Vec<StoreEntry>> {
        self.query("stores_list", ()).await
    }

    /// The same as an update, which no replica answers from before the last change.
    pub async fn stores_surely(&self) -> Result<Vec<StoreEntry>> {
        self.update("stores_list", ()).await
    }

    pub async fn add_store(&self, store: Principal) -> Result<()> {
        self.update("stores_add", (store,)).await
    }

    pub async fn set_store_state(&self, store: Principal, state: StoreState) -> Result<()> {
        self.update("stores_set_state", (store, state)).await
    }

    pub async fn retire_store(&self, store: Principal) -> Result<()> {
        self.update("stores_retire", (store,)).await
    }

    pub async fn set_store_capacity(&self, store: Principal, bytes: Option<u64>) -> Result<()> {
        self.update("stores_set_capacity", (store, bytes)).await
    }

    pub async fn session_holders(&self) -> Result<Vec<SessionHolder>> {
        self.query("sessions_holders", ()).await
    }

    /// One line for each session.
    pub async fn session_lines(&self) -> Result<String> {
        self.query("sessions_list", ()).await
    }

    /// Ends pending sessions. Returns those that it ended.
    pub async fn end_sessions(&self, sessions: &[u64]) -> Result<Vec<u64>> {
        let mut ended = Vec::new();
        for part in sessions.chunks(MOST_AT_ONCE) {
            let some: Vec<u64> = self.update("sessions_end", (part,)).await?;
            ended.extend(some);
        }
        Ok(ended)
    }

    /// All principals that are listed or blocked.
    pub async fn principals(&self) -> Result<Vec<PrincipalEntry>> {
        let (mut all, mut cursor) = (Vec::new(), None::<Principal>);
        loop {
            let page: PrincipalPage = self.query("principals_list", (cursor,)).await?;
            all.extend(page.principals);
            if page.next.is_none() {
                return Ok(all);
            }
            cursor = page.next;
        }
    }

    /// Calls `principals_add`, `principals_remove` or `principals_unblock`.
    pub async fn mark_principals(&self, method: &str, principals: &[Principal]) -> Result<()> {
        for part in principals.chunks(MOST_AT_ONCE) {
            self.update::<()>(method, (part,)).await?;
        }
        Ok(())
    }

    /// Blocks principals and ends all their pending sessions. Returns how many it ended.
    pub async fn block_principals(&self, principals: &[Principal]) -> Result<u64> {
        let mut all = 0;
        for part in principals.chunks(MOST_AT_ONCE) {
            loop {
                let ended: u32 = self.update("principals_block", (part,)).await?;
                all += u64::from(ended);
                // one call ends so many; the next one ends the rest
                if (ended as usize) < MOST_AT_ONCE {
                    break;
                }
            }
        }
        Ok(all)
    }
}

/// The index and the stores.
impl Canister {
    pub async fn gateways(&self) -> Result<Vec<Principal>> {
        self.query("gateways_list", ()).await
    }

    pub async fn transfers(&self) -> Result<Vec<GatewayTransfer>> {
        self.query("gateways_transfers", ()).await
    }

    /// Hands all that `from` owns over to `to`. It may be repeated.
    pub async fn transfer(&self, from: Principal, to: Principal) -> Result<()> {
        self.update("gateways_transfer", (from, to)).await
    }
}

/// A store.
impl Canister {
    /// The answer also makes a store go on that has work in the background.
    pub async fn store_status(&self) -> Result<StoreStatus> {
        self.update("store_status", ()).await
    }

    pub async fn begin_check(&self, options: CheckOptions) -> Result<()> {
        self.update("check_begin", (options,)).await
    }

    pub async fn end_check(&self) -> Result<()> {
        self.update("check_end", ()).await
    }

    /// The check that runs, or the last one.
    pub async fn check(&self) -> Result<Option<CheckStatus>> {
        self.query("check_status", ()).await
    }

    /// The same as an update, which no replica answers from before the last change.
    pub async fn check_surely(&self) -> Result<Option<CheckStatus>> {
        self.update("check_status", ()).await
    }
}
