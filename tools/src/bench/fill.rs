//! Fills the store's maps without sending the bytes: another canister takes its place, writes its
//! stable memory, and becomes the store again by an upgrade.

use crate::client::{CallError, Called, Client};
use crate::deployment::{Deployment, Part};
use crate::engine::program;
use capsule_shared::blob_store::StoreStatus;
use std::io::{BufReader, ErrorKind, Read};
use std::process::{Command, Stdio};

const LOADER: &str = include_str!("loader.wat");

/// The program that prints the store's stable memory; its file describes the format.
const PROGRAM: &str = "capsule-fill";

/// The most bytes of one message to the loader, which are well within the platform's 2 MiB.
const MESSAGE_BYTES: usize = 1 << 20;

/// Lets the store hold at least so many bytes of sealed blobs, all zeros, with free space between
/// them. It forgets what it held.
///
/// # Errors
/// When the filling program fails, or the store doesn't hold so much afterwards.
pub fn fill(deployment: &Deployment, bytes: u64) -> Result<StoreStatus, String> {
    let loader = wat::parse_str(LOADER).expect("BUG: the loader is a module");
    let called = |e: CallError| format!("the store cannot be filled: {e}");
    deployment
        .replace(Part::BlobStore, loader)
        .map_err(|e| called(CallError::Rejected(e)))?;
    load(deployment, bytes)?;
    deployment.upgrade(Part::BlobStore);
    let store = Client::new(
        &deployment.pic,
        deployment.blob_store,
        deployment.controller,
    );
    let status: StoreStatus = store.update("store_status", ()).map_err(called)?;
    match status.bytes >= bytes {
        true => Ok(status),
        false => Err(format!(
            "the store holds {} bytes, expected at least {bytes}",
            status.bytes
        )),
    }
}

/// Runs the program, and passes what it prints on to the loader.
fn load(deployment: &Deployment, bytes: u64) -> Result<(), String> {
    let about = |e: std::io::Error| format!("{PROGRAM}: {e}");
    let mut filling = Command::new(program(PROGRAM))
        .args(["--gateway", &deployment.gateway.to_text()])
        .args(["--bytes", &bytes.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(about)?;
    let printed = filling.stdout.take().expect("BUG: the output is piped");
    let passed = pass_on(BufReader::new(printed), |method, message| {
        let (pic, who) = (&deployment.pic, deployment.controller);
        let reply = pic.update_call(deployment.blob_store, who, method, message);
        reply.map(drop).map_err(CallError::Rejected)
    });
    let status = filling.wait().map_err(about)?;
    match passed {
        Ok(()) if !status.success() => Err(format!("{PROGRAM} has ended with {status}")),
        passed => passed,
    }
}

fn pass_on(
    mut printed: impl Read,
    mut call: impl FnMut(&str, Vec<u8>) -> Called<()>,
) -> Result<(), String> {
    let about = |e: std::io::Error| format!("{PROGRAM} printed too little: {e}");
    let refused = |e: CallError| format!("the loader refused: {e}");
    let mut pages = vec![0; 8];
    printed.read_exact(&mut pages).map_err(about)?;
    call("grow", pages).map_err(refused)?;
    let mut message = vec![];
    loop {
        let piece = next_piece(&mut printed).map_err(about)?;
        let ended = piece.is_none();
        let piece = piece.unwrap_or_default();
        if ended || message.len() + piece.len() > MESSAGE_BYTES {
            call("write", std::mem::take(&mut message)).map_err(refused)?;
        }
        if ended {
            return Ok(());
        }
        message.extend(piece);
    }
}

/// A piece with its offset and its length. `None` at the end.
fn next_piece(printed: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut piece = vec![0; 16];
    match printed.read(&mut piece[..1])? {
        0 => return Ok(None),
        _ => printed.read_exact(&mut piece[1..])?,
    }
    let length = piece[8..].try_into().expect("BUG: 8 bytes are 8 bytes");
    let length = u64::from_le_bytes(length);
    if printed.take(length).read_to_end(&mut piece)? as u64 != length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(offset: u64, bytes: &[u8]) -> Vec<u8> {
        let length = bytes.len() as u64;
        [&offset.to_le_bytes()[..], &length.to_le_bytes(), bytes].concat()
    }

    #[test]
    fn pieces_are_passed_on_in_messages_of_bounded_length() {
        let [first, second, third] = [0, 1, 2].map(|n| piece(n, &vec![n as u8; 500_000]));
        let printed = [&5u64.to_le_bytes()[..], &first, &second, &third].concat();
        let mut calls = vec![];
        let passed = pass_on(&printed[..], |method, message| {
            calls.push((method.to_string(), message));
            Ok(())
        });
        assert_eq!(passed, Ok(()));
        let write = |message: Vec<u8>| ("write".to_string(), message);
        let grow = ("grow".to_string(), 5u64.to_le_bytes().to_vec());
        assert_eq!(calls, [grow, write([first, second].concat()), write(third)]);
    }

    #[test]
    fn output_that_breaks_off_is_an_error() {
        let printed = [&5u64.to_le_bytes()[..], &piece(0, b"four")].concat();
        for length in [7, 9, 25, printed.len() - 1] {
            let passed = pass_on(&printed[..length], |_, _| Ok(()));
            let text = passed.expect_err("is cut off");
            assert!(text.contains("printed too little"), "{text}");
        }
    }
}
