//! Handing over all that one gateway owns to another, in the index and in each store.
//!
//! Each transfer is one step that may be repeated, so the command goes on where it stopped.

use crate::commands::admin::consent::Consent;
use crate::commands::in_order::all_in_order;
use crate::console;
use crate::failure::{Failure, Outcome, several};
use crate::network::canister::{Canister, OperatorError};
use crate::output::Output;
use crate::progress::steps::Steps;
use candid::Principal;
use serde_json::{Value, json};
use std::time::Duration;

/// The kinds of canisters, as errors name them.
const INDEX: &str = "index";
const STORE: &str = "store";

/// Questions at once.
const AT_ONCE: usize = 16;

/// How long the old gateway is asked. It may be stopped, or gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Jobs that the new gateway takes over.
///
/// Source: the steps to replace a gateway.
const HARMLESS: [&str; 2] = ["purge_memory", "forget_deletion"];

/// The last word about canisters that handed nothing over.
const NOT_DONE: &str = "canisters failed, expected all to hand over; repeat the command";

pub struct Transfer {
    /// The gateway that owns everything now.
    pub from: Canister,
    pub to: Canister,
    pub consent: Consent,
    pub output: Output,
}

/// The index or a store, before the transfer.
struct Place {
    canister: Canister,
    is_index: bool,
    /// Whether it handed over before.
    done: bool,
    /// Whether it knows the gateway that gets all.
    knows: bool,
}

impl Transfer {
    pub async fn run(&self) -> Outcome {
        let places = self.places().await?;
        self.check_registered(&places)?;
        let left = places.iter().filter(|place| !place.done).count();
        if left > 0 {
            self.consent.to(&self.plan(&places, left).await).await?;
        }
        let failures = self.transfer_all(&places).await;
        several(&failures, places.len(), NOT_DONE)
    }

    /// The indexes and stores of both gateways, the indexes first.
    async fn places(&self) -> Outcome<Vec<Place>> {
        let (mut indexes, mut stores) = peers(&self.to).await?;
        match peers(&self.from.patient_for(PATIENCE)).await {
            Ok((more_indexes, more_stores)) => {
                indexes.extend(more_indexes);
                stores.extend(more_stores);
            }
            // it may be stopped already
            Err(error) => console::warning(&format!(
                "the stores of the old gateway are not known, so those of the new one count: \
                 {error}"
            )),
        }
        let indexes = indexes.into_iter().map(|id| (id, INDEX));
        let canisters = indexes.chain(stores.into_iter().map(|id| (id, STORE)));
        let mut places: Vec<(Canister, bool)> = Vec::new();
        for (id, kind) in canisters {
            if places.iter().all(|(known, _)| known.id() != id) {
                places.push((self.to.other(id, kind), kind == INDEX));
            }
        }
        let places = places.into_iter();
        let places = places.map(|(canister, is_index)| self.look(canister, is_index));
        let places = all_in_order(places, AT_ONCE).await;
        Ok(places.into_iter().collect::<Result<_, _>>()?)
    }

    async fn look(&self, canister: Canister, is_index: bool) -> Result<Place, OperatorError> {
        let (from, to) = (self.from.id(), self.to.id());
        let mut transfers = canister.transfers().await?.into_iter();
        Ok(Place {
            done: transfers.any(|transfer| (transfer.from, transfer.to) == (from, to)),
            knows: canister.gateways().await?.contains(&to),
            is_index,
            canister,
        })
    }

    fn check_registered(&self, places: &[Place]) -> Result<(), OperatorError> {
        let unknown = places.iter().filter(|place| !place.knows && !place.done);
        let unknown: Vec<String> = unknown.map(|place| place.canister.name()).collect();
        match unknown.is_empty() {
            true => Ok(()),
            false => Err(OperatorError::NotRegistered {
                gateway: self.to.id(),
                canisters: unknown.join(", "),
            }),
        }
    }

    async fn plan(&self, places: &[Place], left: usize) -> Vec<String> {
        let (from, to) = (self.from.name(), self.to.name());
        let mut plan = vec![
            format!("all that {from} owns goes to {to}"),
            format!("  in {left} of {} canisters, the index first", places.len()),
        ];
        plan.extend(self.unfinished().await);
        plan
    }

    /// The work that the old gateway still has to do, and can't do after the transfer.
    async fn unfinished(&self) -> Vec<String> {
        let metrics = match self.from.patient_for(PATIENCE).metrics().await {
            Ok(metrics) => metrics,
            Err(error) => {
                let text = "  the unfinished work of the old gateway is not known";
                return vec![format!("{text}: {error}")];
            }
        };
        let sessions = metrics.by_label("upload_gateway_sessions", "state");
        let jobs = metrics.by_label("upload_gateway_jobs", "kind");
        unfinished(sessions.into_iter(), jobs.into_iter())
    }

    /// Hands over in the index, and then in the stores. If the index fails, no store is asked.
    async fn transfer_all(&self, places: &[Place]) -> Vec<Failure> {
        let steps = Steps::new(self.output.json, places.len() as u64);
        let (mut failures, mut lines, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for place in places {
            let canister = &place.canister;
            steps.at(&canister.name());
            let mut value = json!({ "canister": canister.id().to_text(), "error": null });
            let outcome = match place.done {
                true => Ok("handed over before"),
                false => canister
                    .transfer(self.from.id(), self.to.id())
                    .await
                    .map(|()| "handed over"),
            };
            match outcome {
                Ok(text) => lines.push(format!("{}  {text}", canister.name())),
                Err(error) => {
                    console::error(&error.to_string());
                    value["error"] = error.to_string().into();
                    failures.push(Failure::from(error));
                }
            }
            value["done"] = value["error"].is_null().into();
            told.push(value);
            steps.add(1);
            if place.is_index && !failures.is_empty() {
                break;
            }
        }
        steps.finish();
        self.output.report(&lines, self.json(told));
        failures
    }

    fn json(&self, canisters: Vec<Value>) -> Value {
        json!({
            "from": self.from.id().to_text(),
            "to": self.to.id().to_text(),
            "canisters": canisters,
        })
    }
}

/// The indexes and the stores of a gateway.
async fn peers(gateway: &Canister) -> Result<(Vec<Principal>, Vec<Principal>), OperatorError> {
    let index = gateway.configuration().await?.memory_index;
    let index = index.ok_or(OperatorError::NoIndex {
        gateway: gateway.id(),
    })?;
    let stores = gateway.stores().await?;
    let stores = stores.into_iter().map(|entry| entry.store).collect();
    Ok((vec![index], stores))
}

fn unfinished(
    sessions: impl Iterator<Item = (String, u64)>,
    jobs: impl Iterator<Item = (String, u64)>,
) -> Vec<String> {
    let active = sessions.filter(|(state, _)| state != "committed");
    let active: u64 = active.map(|(_, count)| count).sum();
    let jobs = jobs.filter(|(kind, _)| !HARMLESS.contains(&kind.as_str()));
    let jobs: u64 = jobs.map(|(_, count)| count).sum();
    let mut lines = Vec::new();
    if active > 0 {
        lines.push(format!(
            "  {active} unfinished uploads of the old gateway can't go on; better wait for them"
        ));
    }
    if jobs > 0 {
        lines.push(format!(
            "  {jobs} jobs of the old gateway can't end; better wait for them"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(all: &[(&str, u64)]) -> impl Iterator<Item = (String, u64)> {
        let all: Vec<_> = all.iter().map(|(name, n)| (name.to_string(), *n)).collect();
        all.into_iter()
    }

    #[test]
    fn only_work_that_would_be_lost_is_named() {
        let quiet = counts(&[("pending", 0), ("finishing", 0), ("committed", 7)]);
        let harmless = counts(&[("purge_memory", 3), ("forget_deletion", 2), ("digest", 0)]);
        assert!(unfinished(quiet, harmless).is_empty());
        let busy = counts(&[("pending", 2), ("finishing", 1)]);
        let lines = unfinished(busy, counts(&[("delete_blob", 4)]));
        assert!(lines[0].contains("3 unfinished uploads"), "{lines:?}");
        assert!(lines[1].contains("4 jobs"), "{lines:?}");
    }
}
