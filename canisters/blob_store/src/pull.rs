//! Pulling a blob from another store, one piece with each call.

use crate::blob::pull::{PULL_INSTRUCTIONS, Piece};
use crate::canister::{check_gateway, room_for_blobs, slice, with_state};
use crate::work::change;
use candid::Principal;
use canister_common::funds::check_own_funds;
use canister_common::open_calls::OpenCall;
use canister_common::reply::BlobReply;
use capsule_shared::blob_store::{PullProgress, SharedBlob};
use capsule_shared::{BlobKey, Error, Result};
use ic_cdk::call::Call;

/// The deadline of the call to the source, in seconds. It is half of that of the gateway's calls,
/// so that the gateway usually learns how its pull went. A late answer does no harm: the source
/// only reads, and the next pull asks again.
const SOURCE_TIMEOUT_SECONDS: u32 = 30;

/// Asks the source for the next piece of the blob `key`, and puts its chunks.
///
/// Nothing of the state is held over an await. Other messages may delete, seal or fill the blob,
/// take the room, or unregister the caller meanwhile; so each of these is checked again after it.
/// An upgrade is refused while the source is asked. If the call fails, nothing has changed.
///
/// Errors are those of `next_piece`, `put_piece` and [`read_answer`]. `ResourceExhausted` if there
/// is no room. A temporary error without cycles, or if the source gave no answer: it may be
/// stopped, or of a release that shares nothing.
pub async fn pull(
    caller: Principal,
    key: BlobKey,
    source: Principal,
    blob: &SharedBlob,
) -> Result<PullProgress> {
    let next_piece = || with_state(|state| state.store.next_piece(caller, key, blob));
    if next_piece()?.is_none() {
        return Ok(PullProgress::Done);
    }
    check_own_funds("the blob store")?;
    if room_for_blobs().await? {
        check_gateway(caller)?;
    }
    let Some(piece) = next_piece()? else {
        return Ok(PullProgress::Done);
    };
    let Some(answer) = ask(source, key, piece).await? else {
        return Ok(PullProgress::NotShared);
    };
    // Other messages may have used the room that was made before the call.
    room_for_blobs().await?;
    check_gateway(caller)?;
    change(|state| {
        let slice = slice(PULL_INSTRUCTIONS);
        let store = &mut state.store;
        store.put_piece(caller, key, blob, piece, answer.bytes(), &slice)
    })
}

/// Asks the source for a piece once. `None` if it doesn't share the blob.
async fn ask(source: Principal, key: BlobKey, piece: Piece) -> Result<Option<BlobReply>> {
    let open = OpenCall::begin();
    let answer = Call::bounded_wait(source, "blob_read_shared")
        .change_timeout(SOURCE_TIMEOUT_SECONDS)
        .with_args(&(key, piece.offset, piece.len))
        .await;
    drop(open);
    match answer {
        Ok(reply) => read_answer(reply.into_bytes()),
        Err(failed) => Err(Error::temporary(format!(
            "the source gave no answer: {failed}"
        ))),
    }
}

/// The bytes in the source's answer. `None` for its `Unauthorized`: it doesn't share the blob.
///
/// Its temporary errors stay temporary. `Conflict` for all others, because the source is another
/// canister or has another blob than the gateway said.
fn read_answer(message: Vec<u8>) -> Result<Option<BlobReply>> {
    match BlobReply::read(message) {
        Ok(Ok(reply)) => Ok(Some(reply)),
        Ok(Err(Error::Unauthorized)) => Ok(None),
        Ok(Err(error)) if error.is_temporary() => Err(Error::temporary(format!(
            "the source can't answer now: {error}"
        ))),
        Ok(Err(error)) => Err(Error::conflict(format!(
            "the source answered \"{error}\", expected bytes of the shared blob"
        ))),
        Err(error) => Err(Error::conflict(format!(
            "the source's answer can't be decoded, expected that of a store: {error}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &Result<&serde_bytes::Bytes>) -> Result<Option<BlobReply>> {
        read_answer(candid::encode_one(answer).unwrap())
    }

    #[test]
    fn answers_of_the_source_are_bytes_no_share_or_an_error() {
        let reply = answered(&Ok(serde_bytes::Bytes::new(b"bytes")));
        assert_eq!(reply.unwrap().unwrap().bytes(), b"bytes");
        assert_eq!(answered(&Err(Error::Unauthorized)), Ok(None));
        let temporary = answered(&Err(Error::temporary("no cycles")));
        assert!(
            temporary.as_ref().is_err_and(Error::is_temporary),
            "{temporary:?}"
        );
        for error in [
            Error::NotFound,
            Error::invalid("offset is 9, expected 0 to 8"),
            Error::ResourceExhausted,
        ] {
            let conflict = answered(&Err(error));
            assert!(matches!(conflict, Err(Error::Conflict(_))), "{conflict:?}");
        }
        let conflict = read_answer(b"no Candid".to_vec());
        assert!(matches!(conflict, Err(Error::Conflict(_))), "{conflict:?}");
    }
}
