//! States of release 0.1.0, which name no canisters: a start with a controller finds them.

use candid::{Encode, Principal};
use pocket_ic::PocketIc;
use std::path::Path;
use tools::deployment::{Part, person, release_0_1_0};
use tools::engine::network;
use tools::mapping::{continue_empty, create_empty};

/// Installs the modules of the release, as a deploy tool does.
fn deploy(pic: &PocketIc, controller: Principal, ids: [Principal; 3]) {
    for (part, id) in Part::ALL.into_iter().zip(ids) {
        let nothing = Encode!(&None::<()>).unwrap();
        pic.install_canister(id, release_0_1_0(part), nothing, Some(controller));
    }
}

/// Removes the names that a start of today wrote, so that the state is one of the release.
fn forget(state: &Path) {
    std::fs::remove_file(state.join("empty_canisters.json")).unwrap();
}

#[test]
fn a_start_goes_on_with_the_canisters_of_release_0_1_0() {
    let folder = tempfile::tempdir().unwrap();
    let (state, project) = (folder.path().join("state"), folder.path().join("project"));
    std::fs::create_dir(&state).unwrap();
    let pic = network();
    let alice = person("alice");
    let go_on = || continue_empty(&pic, alice, &project, &state);

    // Each start of the release created three more. Only the first ones are in use.
    let first = create_empty(&pic, alice, &project).unwrap();
    deploy(&pic, alice, first);
    let second = create_empty(&pic, alice, &project).unwrap();
    assert_eq!(go_on(), Ok(first));
    // From now on the state names them.
    deploy(&pic, alice, second);
    assert_eq!(go_on(), Ok(first));

    // Without names, icp-cli knows which of the two are meant.
    forget(&state);
    assert_eq!(go_on(), Ok(first));
    forget(&state);
    std::fs::remove_dir_all(&project).unwrap();
    let error = go_on().unwrap_err();
    assert!(error.contains("several canisters may be meant"), "{error}");
    for id in first.into_iter().chain(second) {
        assert!(error.contains(&id.to_text()), "{error}");
    }

    // The error says what to write, and that helps.
    let (_, text) = error.split_once(", as here: ").unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(text).unwrap();
    for (part, id) in Part::ALL.into_iter().zip(second) {
        kept["ids"][part.name()] = id.to_text().into();
    }
    std::fs::write(state.join("empty_canisters.json"), kept.to_string()).unwrap();
    assert_eq!(go_on(), Ok(second));
}

#[test]
fn a_start_creates_nothing_over_canisters_of_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let pic = network();
    let (alice, bob) = (person("alice"), person("bob"));
    let ids = create_empty(&pic, alice, folder.path()).unwrap();
    let error = continue_empty(&pic, bob, folder.path(), folder.path()).unwrap_err();
    assert!(error.contains(&format!("expected {alice}")), "{error}");
    let again = continue_empty(&pic, alice, folder.path(), folder.path());
    assert_eq!(again, Ok(ids));
}
