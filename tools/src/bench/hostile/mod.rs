//! Measures what one call of a stranger can cost the canisters, and compares it with a committed
//! table.
//!
//! `scene` prepares people and data, `call` is one call. `calls` names all calls of a person, and
//! `canister` those of a canister. `row` is one measured call, and `table` prints, reads and
//! compares the rows.

mod call;
mod calls;
mod canister;
mod row;
mod scene;
mod table;

pub use row::HostileRow;
pub use table::{check_refused, compare_hostile, parse_hostile, render_hostile};

use crate::deployment::Deployment;
use calls::calls;
use canister::calls_of_a_canister;
use scene::Scene;

/// Makes every call once on a fresh deployment. Calls `measured` after each.
///
/// # Errors
/// When a call is answered otherwise than its row says, or when the engine has no statistics.
pub fn measure_hostile(
    deployment: &Deployment,
    measured: &mut dyn FnMut(&str),
) -> Result<Vec<HostileRow>, String> {
    let scene = Scene::prepare(deployment).map_err(|e| e.to_string())?;
    let mut rows = vec![];
    for call in calls(&scene).into_iter().chain(calls_of_a_canister(&scene)) {
        let row = scene.measure(&call)?;
        measured(&row.name);
        rows.push(row);
    }
    Ok(rows)
}
