//! Creates empty canisters for the deploy tool icp-cli, and writes their ids where it finds them.
//!
//! On the Internet Computer icp-cli creates canisters through the cycles ledger. No local network
//! has this ledger.

use crate::deployment::Part;
use candid::Principal;
use pocket_ic::PocketIc;
use serde_json::{Map, Value};
use std::path::Path;

/// Cycles of each canister: enough for a gateway with many users at once.
const CYCLES: u128 = 100_000_000_000_000;

/// Creates the three canisters with the controller `controller`.
///
/// Writes their ids into the folder `project`, as those of the environment `localnet` of icp-cli.
///
/// # Errors
/// When the file can't be written.
pub fn create_empty(
    pic: &PocketIc,
    controller: Principal,
    project: &Path,
) -> Result<[Principal; 3], String> {
    let ids = Part::ALL.map(|_| {
        let id = pic.create_canister_with_settings(Some(controller), None);
        pic.add_cycles(id, CYCLES);
        id
    });
    let names = Part::ALL.into_iter().zip(ids);
    let names: Map<String, Value> = names
        .map(|(part, id)| (part.name().to_string(), id.to_text().into()))
        .collect();
    let folder = project.join(".icp/data/mappings");
    let path = folder.join("localnet.ids.json");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&path, format!("{:#}\n", Value::Object(names))))
        .map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(ids)
}
