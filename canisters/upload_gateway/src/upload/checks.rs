//! Checks of arguments that need no state.

use super::types::BeginArgs;
use crate::failure::{Failure, Result};
use capsule_shared::limits::{
    MAX_ID_BYTES, MAX_IDEMPOTENCY_KEY_BYTES, MAX_METADATA_BYTES, MAX_NAME_BYTES,
};

/// `InvalidArgument` unless all texts of a begin and its metadata have allowed lengths.
pub fn check_begin(args: &BeginArgs) -> Result<()> {
    let base = args.metadata.base();
    check_text("capsule_id", &args.capsule_id, MAX_ID_BYTES)?;
    check_text("the name", &base.name, MAX_NAME_BYTES)?;
    check_text("the idempotency key", &args.idem, MAX_IDEMPOTENCY_KEY_BYTES)?;
    let size = candid::encode_one(&args.metadata)
        .expect("BUG: Candid can't write metadata")
        .len();
    if size > MAX_METADATA_BYTES {
        return Err(Failure::invalid(format!(
            "the metadata has {size} bytes, expected at most {MAX_METADATA_BYTES}"
        )));
    }
    Ok(())
}

/// `InvalidArgument` unless the text has 1 to `max` bytes.
pub fn check_text(what: &str, text: &str, max: usize) -> Result<()> {
    if text.is_empty() || text.len() > max {
        return Err(Failure::invalid(format!(
            "{what} has {} bytes, expected 1 to {max}",
            text.len()
        )));
    }
    Ok(())
}
