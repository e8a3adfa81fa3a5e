//! Checks of the stores: each store checks itself, and this command follows.

use crate::arguments::admin::CheckOptions;
use crate::commands::admin::consent::Consent;
use crate::commands::admin::faults;
use crate::commands::in_order::all_in_order;
use crate::console;
use crate::failure::{Failure, IntegrityError, Outcome, several};
use crate::network::canister::{Canister, OperatorError};
use crate::output::Output;
use crate::progress::steps::Steps;
use capsule_shared::Error as Refusal;
use capsule_shared::blob_store::{self, CheckStage, CheckStatus};
use capsule_shared::stores::{StoreEntry, StoreState};
use serde_json::json;
use std::time::{Duration, Instant};

/// Stores that are asked at once.
const AT_ONCE: usize = 16;

/// The pause between two looks at the checks.
const PAUSE: Duration = Duration::from_millis(500);

/// A store whose check stands still for so long is woken: a stop may have lost its turn.
///
/// Source: the store goes on half a minute after it lost a turn, when somebody asks.
const STANDSTILL: Duration = Duration::from_secs(30);

/// The last word about stores that were not checked.
const NOT_CHECKED: &str = "stores are not checked, expected all; repeat the command";

pub struct Checks {
    pub gateway: Canister,
    pub consent: Consent,
    pub output: Output,
}

/// A store whose check is followed.
struct Followed {
    store: Canister,
    /// Blobs of the last report.
    blobs: u64,
    status: Result<CheckStatus, OperatorError>,
    /// Since when nothing moved, and whether that was told.
    still_since: Instant,
    told: bool,
}

impl Checks {
    pub async fn run(&self, options: CheckOptions) -> Outcome {
        let stores = self.chosen(&options).await?;
        if options.asks() {
            let mut plan: Vec<String> = stores.iter().map(|(store, _)| store.name()).collect();
            plan.push(format!("  {}", effect(&options)));
            self.consent.to(&plan).await?;
        }
        if options.end {
            return self.end(&stores).await;
        }
        let wanted = blob_store::CheckOptions {
            repair: options.repair,
            contents: options.contents,
        };
        let begun = stores.into_iter().map(|(store, blobs)| async move {
            Followed {
                status: begin(&store, wanted).await,
                store,
                blobs,
                still_since: Instant::now(),
                told: false,
            }
        });
        let mut followed = all_in_order(begun, AT_ONCE).await;
        self.follow(&mut followed).await;
        self.tell(followed)
    }

    /// The stores that the user named, or all that aren't given up, with the number of blobs.
    async fn chosen(&self, options: &CheckOptions) -> Result<Vec<(Canister, u64)>, OperatorError> {
        let listed = self.gateway.stores().await?;
        for store in &options.stores {
            if listed.iter().all(|entry| entry.store != *store) {
                return Err(OperatorError::NotListed {
                    store: *store,
                    gateway: self.gateway.id(),
                });
            }
        }
        let is_chosen = |entry: &&StoreEntry| match options.stores.is_empty() {
            true => entry.state != StoreState::Offline,
            false => options.stores.contains(&entry.store),
        };
        let chosen = listed.iter().filter(is_chosen).map(|entry| {
            let blobs = entry.report.as_ref().map_or(0, |report| report.blobs);
            (self.gateway.other(entry.store, "store"), blobs)
        });
        Ok(chosen.collect())
    }

    async fn end(&self, stores: &[(Canister, u64)]) -> Outcome {
        let ends = stores.iter().map(|(store, _)| async move {
            // a stranger learns at once that this isn't allowed
            store.check().await?;
            store.end_check().await
        });
        let outcomes = all_in_order(ends, AT_ONCE).await;
        let (mut failures, mut lines, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for ((store, _), outcome) in stores.iter().zip(outcomes) {
            let error = outcome.err();
            if error.is_none() {
                lines.push(format!("{}  no check runs", store.name()));
            }
            told.push(json!({
                "store": store.id().to_text(),
                "error": error.as_ref().map(OperatorError::to_string),
            }));
            failures.extend(error.map(failed));
        }
        self.output.report(&lines, json!({ "stores": told }));
        several(&failures, stores.len(), NOT_CHECKED)
    }

    /// Looks until no check runs any more.
    async fn follow(&self, followed: &mut [Followed]) {
        let steps: u64 = followed.iter().map(Followed::steps).sum();
        let bar = Steps::new(self.output.json, steps);
        while followed.iter().any(Followed::is_running) {
            let running = followed.iter().filter(|one| one.is_running()).count();
            bar.at(&format!("checking {running} of {} stores", followed.len()));
            bar.set(followed.iter().map(Followed::done).sum());
            tokio::time::sleep(PAUSE).await;
            let looks = followed.iter_mut().filter(|one| one.is_running());
            all_in_order(looks.map(Followed::look), AT_ONCE).await;
        }
        bar.finish();
    }

    fn tell(&self, followed: Vec<Followed>) -> Outcome {
        let count = followed.len();
        let (mut found, mut failures, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for one in followed {
            let store = one.store.id();
            match one.status {
                Ok(status) => {
                    told.push(faults::json(store, &status));
                    found.push((store, status));
                }
                Err(error) => {
                    told.push(json!({ "store": store.to_text(), "error": error.to_string() }));
                    failures.push(failed(error));
                }
            }
        }
        self.output
            .report(&faults::lines(&found), json!({ "stores": told }));
        several(&failures, count, NOT_CHECKED)?;
        let left = found.iter().map(|(_, status)| faults::unmended(status));
        match left.sum() {
            0 => Ok(()),
            faults => Err(IntegrityError::Faults { faults }.into()),
        }
    }
}

/// Begins a check, or finds the one that runs.
async fn begin(
    store: &Canister,
    wanted: blob_store::CheckOptions,
) -> Result<CheckStatus, OperatorError> {
    // a stranger learns at once that this isn't allowed
    store.check().await?;
    let begun = match store.begin_check(wanted).await {
        Ok(()) => true,
        // one runs already
        Err(error) if is_conflict(&error) => false,
        Err(error) => return Err(error),
    };
    let status = store.check_surely().await?;
    let status = status.expect("BUG: a store remembers the check that began");
    if !begun && status.options != wanted {
        console::warning(&format!(
            "{} runs a check with other options, which is followed; \
             `capsule admin check --end` ends it",
            store.name()
        ));
    }
    Ok(status)
}

fn is_conflict(error: &OperatorError) -> bool {
    match error {
        OperatorError::Call { call, .. } => {
            matches!(call.refusal(), Some(Refusal::Conflict(_)))
        }
        _ => false,
    }
}

fn is_running(stage: CheckStage) -> bool {
    matches!(stage, CheckStage::Space | CheckStage::Contents)
}

/// Tells a failure of one store.
fn failed(error: OperatorError) -> Failure {
    console::error(&error.to_string());
    Failure::from(error)
}

fn effect(options: &CheckOptions) -> String {
    if options.end {
        return "the checks that run there end".into();
    }
    let mut text = "check themselves while they serve".to_string();
    if options.repair {
        text.push_str(", and mend totals and lists of free blocks");
    }
    if options.contents {
        text.push_str(", and hash all blobs for about 8 T cycles for 100 GB");
    }
    text
}

impl Followed {
    fn is_running(&self) -> bool {
        matches!(&self.status, Ok(status) if is_running(status.stage))
    }

    /// The steps in all: each blob is looked at, and hashed if that was asked for.
    fn steps(&self) -> u64 {
        match &self.status {
            Ok(status) if status.options.contents => 2 * self.blobs,
            Ok(_) => self.blobs,
            Err(_) => 0,
        }
    }

    fn done(&self) -> u64 {
        match &self.status {
            Ok(status) if is_running(status.stage) => {
                let done = status.blobs + status.hashed_blobs + status.without_sha256;
                done.min(self.steps())
            }
            _ => self.steps(),
        }
    }

    /// Looks once, and wakes a store that stands still.
    async fn look(&mut self) {
        let Ok(before) = &self.status else { return };
        match self.store.check().await {
            Ok(Some(now)) if now.begun_at >= before.begun_at && now != *before => {
                self.status = Ok(now);
                self.still_since = Instant::now();
            }
            Ok(_) if self.still_since.elapsed() > STANDSTILL => self.wake().await,
            // a replica that lags behind knows an older check
            Ok(_) => {}
            Err(error) => self.status = Err(error),
        }
    }

    async fn wake(&mut self) {
        self.still_since = Instant::now();
        if let Err(error) = self.store.store_status().await {
            self.status = Err(error);
        } else if !self.told {
            self.told = true;
            console::warning(&format!(
                "the check of {} stands still; it waits while the store can spend less than \
                 1 T cycles",
                self.store.name()
            ));
        }
    }
}
