//! The endpoints of automatic progress.

use super::json_body::Body;
use super::target::Target;
use crate::server::refusal::Refusal;
use axum::Json;
use pocket_ic::common::rest::AutoProgressConfig;
use std::time::Duration;

/// The shortest pause between two rounds that a client asks for.
pub fn delay(config: &AutoProgressConfig) -> Duration {
    Duration::from_millis(config.artificial_delay_ms.unwrap_or(0))
}

pub async fn start(
    target: Target,
    Body(config): Body<AutoProgressConfig>,
) -> Result<Json<()>, Refusal> {
    let started = target.instance.start_progress(delay(&config)).await;
    started.map(Json)
}

pub async fn stop(target: Target) -> Json<()> {
    target.instance.stop_progress().await;
    Json(())
}

pub async fn enabled(target: Target) -> Json<bool> {
    Json(target.instance.is_progressing().await)
}
