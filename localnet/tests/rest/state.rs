//! Instances with a folder that keeps their state.

use crate::client::{attempt, builder, eventually, refusal, with_canister};
use candid::Principal;
use pocket_ic::PocketIc;
use pocket_ic::common::rest::BlobCompression;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

fn open(folder: &Path) -> PocketIc {
    builder()
        .with_application_subnet()
        .with_state_dir(folder.to_path_buf())
        .build()
}

/// Opens a folder whose last instance is being deleted: its network may hold the folder for some
/// more time.
fn reopen(folder: &Path) -> PocketIc {
    eventually("the folder is free", || match attempt(|| open(folder)) {
        Ok(pic) => Some(pic),
        Err(message) => {
            assert!(message.contains("in use"), "{message}");
            None
        }
    })
}

#[test]
fn an_instance_with_a_folder_continues_where_it_was() {
    let folder = tempfile::tempdir().expect("is made");
    let folder = folder.path();
    // a full disk leaves an incomplete first record
    let journal = folder.join("journal");
    std::fs::write(&journal, [200, 0, 0, 0, 1, 2, 3]).expect("writes");
    let pic = open(folder);
    let canister = with_canister(&pic);
    let anybody = Principal::anonymous();
    let call = |pic: &PocketIc| pic.update_call(canister, anybody, "fast", vec![]);
    call(&pic).expect("answers");
    pic.add_cycles(canister, 12_345);
    pic.set_stable_memory(canister, vec![7; 70_000], BlobCompression::NoCompression);
    pic.advance_time(Duration::from_secs(1_000));
    pic.tick();
    let state = |pic: &PocketIc| {
        (
            pic.get_time(),
            pic.cycle_balance(canister),
            pic.get_stable_memory(canister),
            pic.topology(),
        )
    };
    let before = state(&pic);
    // one network at a time holds the folder
    assert!(refusal(|| open(folder)).contains("in use"));
    drop(pic);
    let pic = reopen(folder);
    assert!(state(&pic) == before, "the state is another one");
    drop(pic);

    // a process that is killed while it writes leaves an incomplete last record
    let pic = reopen(folder);
    let whole = std::fs::metadata(&journal).expect("is there").len();
    drop(pic);
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&journal)
        .expect("opens");
    file.write_all(&[200, 0, 0, 0, 1, 2, 3]).expect("writes");
    drop(file);
    let pic = reopen(folder);
    assert!(state(&pic) == before, "the state is another one");
    assert_eq!(std::fs::metadata(&journal).expect("is there").len(), whole);
    call(&pic).expect("answers");
    let before = state(&pic);
    drop(pic);
    let pic = reopen(folder);
    assert!(state(&pic) == before, "the state is another one");
    drop(pic);

    let other = eventually("the folder is free", || {
        let message = refusal(|| {
            builder()
                .with_nns_subnet()
                .with_state_dir(folder.to_path_buf())
                .build()
        });
        (!message.contains("in use")).then_some(message)
    });
    assert!(other.contains("other subnets"), "{other}");
}
