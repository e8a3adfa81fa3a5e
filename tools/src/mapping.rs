//! Creates empty canisters for the deploy tool icp-cli, and writes their ids where it finds them.
//!
//! On the Internet Computer icp-cli creates canisters through the cycles ledger. No local network
//! has this ledger.

use crate::deployment::Part;
use crate::takeover;
use crate::told::write;
use candid::Principal;
use pocket_ic::PocketIc;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// Cycles of each canister: enough for a gateway with many users at once.
const CYCLES: u128 = 100_000_000_000_000;

/// Where icp-cli looks for ids, in the folder of a project.
const MAPPING: &str = ".icp/data/mappings/localnet.ids.json";

/// The file in a network's state that names the empty canisters.
const KEPT: &str = "empty_canisters.json";

/// The empty canisters of a network.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The version of this form.
    #[serde(default = "version")]
    version: u32,
    controller: Principal,
    /// By name. A start that broke off leaves fewer than three.
    ids: BTreeMap<String, Principal>,
}

/// The version that is written, and that a file without one has.
fn version() -> u32 {
    1
}

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
    let ids = Part::ALL.map(|_| create(pic, controller));
    map(&ids, project)?;
    Ok(ids)
}

/// Goes on with the three canisters that `state` names, and creates those that are missing.
///
/// A state of release 0.1.0 names none. Its canisters are found in the network.
///
/// # Errors
/// As [`create_empty`], and when `state` has canisters of another controller, names some that the
/// network doesn't have, or has several that may be meant.
pub fn continue_empty(
    pic: &PocketIc,
    controller: Principal,
    project: &Path,
    state: &Path,
) -> Result<[Principal; 3], String> {
    let path = state.join(KEPT);
    let mut kept = match read(&path)? {
        Some(kept) => kept,
        None => take_over(pic, controller, project, &path)?,
    };
    if kept.controller != controller {
        return Err(format!(
            "the controller is {controller}, expected {} as in {}; or choose another --state",
            kept.controller,
            path.display()
        ));
    }
    for part in Part::ALL {
        match kept.ids.get(part.name()) {
            Some(id) if pic.canister_exists(*id) => {}
            Some(id) => {
                return Err(format!(
                    "{} names the canister {id}, which its network does not have",
                    path.display()
                ));
            }
            None => {
                let id = create(pic, controller);
                kept.ids.insert(part.name().to_string(), id);
                write(&path, &kept)?;
            }
        }
    }
    let ids = Part::ALL.map(|part| kept.ids[part.name()]);
    map(&ids, project)?;
    Ok(ids)
}

/// The canisters of a state that names none, noted in `path`.
fn take_over(
    pic: &PocketIc,
    controller: Principal,
    project: &Path,
    path: &Path,
) -> Result<Kept, String> {
    let found = takeover::find(pic, controller, mapped(project)).map_err(|e| {
        let sample = Kept {
            version: version(),
            controller,
            ids: Part::ALL
                .map(|part| (part.name().into(), controller))
                .into(),
        };
        let sample = serde_json::to_string(&sample).expect("BUG: it is JSON");
        format!(
            "{e}; choose another --state, or name the canisters in {}, as here: {sample}",
            path.display()
        )
    })?;
    let named = Part::ALL.into_iter().zip(found);
    let ids = named.filter_map(|(part, id)| Some((part.name().to_string(), id?)));
    let kept = Kept {
        version: version(),
        controller,
        ids: ids.collect(),
    };
    write(path, &kept)?;
    Ok(kept)
}

fn read(path: &Path) -> Result<Option<Kept>, String> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    let damaged = |what: String| {
        let path = path.display();
        format!("{path} is damaged ({what}), expected what this command wrote")
    };
    let kept: Kept = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
    match kept.version == version() {
        true => Ok(Some(kept)),
        false => Err(damaged(format!("version {}", kept.version))),
    }
}

fn create(pic: &PocketIc, controller: Principal) -> Principal {
    let id = pic.create_canister_with_settings(Some(controller), None);
    pic.add_cycles(id, CYCLES);
    id
}

/// Writes the ids where icp-cli finds them.
fn map(ids: &[Principal; 3], project: &Path) -> Result<(), String> {
    let names = Part::ALL.map(|part| part.name());
    let names: BTreeMap<&str, String> = names.into_iter().zip(ids.map(|id| id.to_text())).collect();
    write(&project.join(MAPPING), &names)
}

/// The ids that icp-cli finds now. A mapping that can't be read only gives no hint.
fn mapped(project: &Path) -> Option<[Principal; 3]> {
    let text = std::fs::read(project.join(MAPPING)).ok()?;
    let ids: BTreeMap<String, Principal> = serde_json::from_slice(&text).ok()?;
    let [gateway, store, index] = Part::ALL.map(|part| ids.get(part.name()).copied());
    Some([gateway?, store?, index?])
}
