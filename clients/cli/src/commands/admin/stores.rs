//! The stores of the gateway: their list, and what each is for.

use crate::arguments::admin::{Capacity, StoresCommand};
use crate::commands::admin::consent::Consent;
use crate::commands::admin::{amounts, entries};
use crate::failure::Outcome;
use crate::network::canister::{Canister, OperatorError};
use crate::output::Output;
use candid::Principal;
use capsule_shared::stores::{StoreEntry, StoreState};
use serde_json::{Value, json};

pub struct Stores {
    pub gateway: Canister,
    pub consent: Consent,
    pub output: Output,
}

/// A change of one store.
enum Change {
    Add,
    State(StoreState),
    Retire,
    Capacity(Option<u64>),
}

impl Stores {
    pub async fn run(&self, command: StoresCommand) -> Outcome {
        let (store, change) = match command {
            StoresCommand::List => return self.list().await,
            StoresCommand::Add { store } => (store, Change::Add),
            StoresCommand::ReadOnly { store } => (store, Change::State(StoreState::ReadOnly)),
            StoresCommand::Activate { store } => (store, Change::State(StoreState::Active)),
            StoresCommand::Drain { store } => (store, Change::State(StoreState::Draining)),
            StoresCommand::Offline { store } => (store, Change::State(StoreState::Offline)),
            StoresCommand::Retire { store } => (store, Change::Retire),
            StoresCommand::Capacity {
                store,
                bytes: Capacity(bytes),
            } => (store, Change::Capacity(bytes)),
        };
        self.change(store, change).await
    }

    async fn list(&self) -> Outcome {
        let stores = self.gateway.stores().await?;
        let listed: Vec<Value> = stores.iter().map(entries::json).collect();
        let lines = entries::table(&stores, amounts::now());
        self.output.report(&lines, json!({ "stores": listed }));
        Ok(())
    }

    async fn change(&self, store: Principal, change: Change) -> Outcome {
        // a stranger learns at once that this isn't allowed
        self.gateway.stores().await?;
        // a late replica could say that nothing is left to do
        let before = self.find(store, &self.gateway.stores_surely().await?);
        if before.is_none() && !matches!(change, Change::Add) {
            return Err(self.not_listed(store).into());
        }
        if before.as_ref().is_some_and(|entry| change.holds(entry)) {
            return self.told(store, false).await;
        }
        let plan = [
            format!("store {store}, {}", described(before.as_ref())),
            format!("  {}", change.effect()),
        ];
        self.consent.to(&plan).await?;
        match change {
            Change::Add => self.gateway.add_store(store).await?,
            Change::State(state) => self.gateway.set_store_state(store, state).await?,
            Change::Retire => self.gateway.retire_store(store).await?,
            Change::Capacity(bytes) => self.gateway.set_store_capacity(store, bytes).await?,
        }
        self.told(store, true).await
    }

    /// Prints the store as it is now.
    async fn told(&self, store: Principal, changed: bool) -> Outcome {
        let stores = self.gateway.stores_surely().await?;
        let Some(entry) = self.find(store, &stores) else {
            let value = json!({ "store": store.to_text(), "changed": changed, "retired": true });
            let text = format!("store {store} is off the list");
            self.output.result(&text, value);
            return Ok(());
        };
        let mut value = entries::json(&entry);
        value["changed"] = changed.into();
        let mut lines = entries::table(&[entry], amounts::now());
        if !changed {
            lines.push("nothing has changed: the store was so before".into());
        }
        self.output.report(&lines, value);
        Ok(())
    }

    fn find(&self, store: Principal, stores: &[StoreEntry]) -> Option<StoreEntry> {
        stores.iter().find(|entry| entry.store == store).cloned()
    }

    fn not_listed(&self, store: Principal) -> OperatorError {
        OperatorError::NotListed {
            store,
            gateway: self.gateway.id(),
        }
    }
}

impl Change {
    /// Whether the store is as it should be already.
    fn holds(&self, entry: &StoreEntry) -> bool {
        match self {
            Change::Add => entry.state == StoreState::Active,
            Change::State(state) => entry.state == *state,
            Change::Retire => false,
            Change::Capacity(bytes) => entry.capacity_bytes == *bytes,
        }
    }

    /// The effect of the change, for the user who has to agree.
    fn effect(&self) -> String {
        let text = match self {
            Change::Add => "is added, and takes new uploads from now on",
            Change::State(StoreState::Active) => "takes new uploads from now on",
            Change::State(StoreState::ReadOnly) => {
                "takes no new uploads; those in it go on, and its files stay readable"
            }
            Change::State(StoreState::Draining) => {
                "takes no new uploads; its files move to the active stores and stay readable"
            }
            Change::State(StoreState::Offline) => {
                "is given up: it takes no new uploads, and the gateway asks it for no reports"
            }
            Change::Retire => "leaves the list if it is empty; only `stores add` brings it back",
            Change::Capacity(None) => "gets as many bytes as it allows itself",
            Change::Capacity(Some(bytes)) => {
                return format!("gets at most {} from the gateway", amounts::bytes(*bytes));
            }
        };
        text.to_string()
    }
}

/// The facts about a store before it changes.
fn described(entry: Option<&StoreEntry>) -> String {
    let Some(entry) = entry else {
        return "which isn't listed".into();
    };
    let state = entry.state.name();
    match &entry.report {
        None => format!("{state}, without a report"),
        Some(report) => {
            let used = amounts::bytes(report.used_bytes);
            format!("{state}, with {} blobs of {used}", report.blobs)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: StoreState) -> StoreEntry {
        StoreEntry {
            store: Principal::from_slice(&[1; 10]),
            state,
            capacity_bytes: Some(5),
            report: None,
            promised_bytes: 0,
            silent_since: None,
        }
    }

    #[test]
    fn what_holds_already_needs_no_change() {
        let active = entry(StoreState::Active);
        assert!(Change::Add.holds(&active));
        assert!(Change::State(StoreState::Active).holds(&active));
        assert!(!Change::State(StoreState::Draining).holds(&active));
        assert!(!Change::Add.holds(&entry(StoreState::Offline)));
        assert!(Change::Capacity(Some(5)).holds(&active));
        assert!(!Change::Capacity(None).holds(&active));
        assert!(!Change::Retire.holds(&active));
    }

    #[test]
    fn the_user_learns_what_the_store_holds() {
        assert_eq!(described(None), "which isn't listed");
        let text = described(Some(&entry(StoreState::ReadOnly)));
        assert_eq!(text, "read_only, without a report");
    }
}
