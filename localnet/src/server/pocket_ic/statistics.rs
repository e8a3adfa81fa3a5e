//! The costs of each canister by kind: an endpoint that only localnet has.

use super::target::Target;
use axum::response::Response;
use std::collections::BTreeMap;

/// The statistics of each canister, by its id as text.
pub async fn read(target: Target) -> Response {
    target
        .run("statistics", |live| {
            let all = live.network.statistics().into_iter();
            Ok(all
                .map(|(id, statistics)| (id.to_text(), statistics))
                .collect::<BTreeMap<_, _>>())
        })
        .await
}

/// Begins to count from zero again.
pub async fn clear(target: Target) -> Response {
    target
        .run("clear_statistics", |live| {
            live.network.clear_statistics();
            Ok(())
        })
        .await
}
