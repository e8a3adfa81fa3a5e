//! The Rust target that canisters are compiled for, fetched where it is missing.
//!
//! `rustup target add` is the ordinary way. A machine that can only reach package registries takes Debian's `rust-src`
//! of the same version and compiles the standard library from it.

mod debian;
mod sysroot;

use crate::{Result, process};
use std::process::Command;
use std::time::Duration;

pub const TARGET: &str = "wasm32-unknown-unknown";

/// `debian` skips rustup, for machines where rustup hangs.
const WAY: &str = "CAPSULE_WASM_TARGET";

/// rustup downloads about 25 MB; where it can download nothing, it mostly fails at once.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// Makes sure that canisters can be compiled, by whatever way works here.
pub fn ensure() -> Result<()> {
    let toolchain = sysroot::Toolchain::of_rustc()?;
    toolchain.drop_second_copy()?;
    if toolchain.has_target() {
        return Ok(());
    }
    let mut tried = Vec::new();
    if std::env::var_os(WAY).is_none_or(|way| way != "debian") {
        eprintln!("The target {TARGET} is missing; asking rustup for it");
        match rustup().and_then(|()| toolchain.check_target()) {
            Ok(()) => return Ok(()),
            Err(reason) => tried.push(("rustup", reason)),
        }
    }
    eprintln!(
        "Building the target from Debian's rust-src {} (about a minute)",
        toolchain.version
    );
    match debian::install(&toolchain).and_then(|()| toolchain.check_target()) {
        Ok(()) => Ok(()),
        Err(reason) => {
            tried.push(("Debian's rust-src", reason));
            Err(unobtainable(&toolchain, &tried))
        }
    }
}

fn rustup() -> Result<()> {
    let mut command = Command::new("rustup");
    command
        .args(["target", "add", TARGET])
        .env("RUST_BACKTRACE", "0");
    process::run_quietly(&mut command, RUSTUP_LIMIT).map(|_| ())
}

fn unobtainable(toolchain: &sysroot::Toolchain, tried: &[(&str, String)]) -> String {
    let mut text = format!(
        "the Rust target {TARGET} is missing and could not be obtained, so the canisters cannot be built"
    );
    for (way, reason) in tried {
        text.push_str(&format!("\n  tried {way}: {reason}"));
    }
    text.push_str(&format!(
        "\nBy hand, one of the two:\n  \
         rustup target add {TARGET}\n  \
         unpack Debian's package rust-src {version}, build its library/ with `cargo -Z build-std=std,panic_abort` \
         and put the .rlib files into {lib}",
        version = toolchain.version,
        lib = toolchain.target_lib.display(),
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_was_tried_and_both_ways() {
        let toolchain = sysroot::Toolchain {
            version: "1.95.0".into(),
            target_lib: "/sysroot/lib".into(),
        };
        let text = unobtainable(
            &toolchain,
            &[
                ("rustup", "no network".into()),
                ("Debian's rust-src", "no apt".into()),
            ],
        );
        for part in [
            "tried rustup: no network",
            "tried Debian's rust-src: no apt",
            "rustup target add wasm32-unknown-unknown",
            "rust-src 1.95.0",
            "/sysroot/lib",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
