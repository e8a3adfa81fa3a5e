//! Empty canisters for deploy tools, told to icp-cli: on the Internet Computer it makes them by the cycles ledger, which
//! no local network here has.

use crate::deployment::Part;
use candid::Principal;
use pocket_ic::PocketIc;
use serde_json::{Map, Value};
use std::path::Path;

/// Cycles of each: as many as a gateway that many people use at once should have.
const CYCLES: u128 = 100_000_000_000_000;

/// Makes the three canisters, controlled by `controller`, and writes their ids where icp-cli looks for those of the
/// environment `localnet` in the project at `project`.
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
