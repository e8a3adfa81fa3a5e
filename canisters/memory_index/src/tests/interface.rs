//! The committed `memory_index.did` is the interface of the code.

use candid_parser::utils::{CandidSource, service_equal};
use std::path::Path;

/// `UPDATE_DID=1 cargo test -p memory_index` rewrites the file.
#[test]
fn the_committed_interface_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("memory_index.did");
    let code = crate::__export_service();
    if std::env::var_os("UPDATE_DID").is_some() {
        std::fs::write(&path, &code).unwrap();
    }
    service_equal(CandidSource::Text(&code), CandidSource::File(&path)).unwrap();
}
