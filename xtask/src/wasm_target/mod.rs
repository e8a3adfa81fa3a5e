//! Installs the standard library for the canisters' target, if it is missing.
//!
//! `rustup target add` is the ordinary way. On a machine that reaches only package registries,
//! this module compiles the library from Debian's `rust-src` package of the same version.

mod debian;
mod sysroot;

pub use sysroot::{TARGET, Toolchain};

use crate::outcome::Result;
use crate::process;
use std::process::Command;
use std::time::Duration;

/// The value `debian` of this variable skips rustup, for machines where rustup hangs.
const WAY: &str = "CAPSULE_WASM_TARGET";

/// rustup downloads about 25 MB. Without a network it usually fails at once.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// Installs the target if it is missing, in the first way that works on this machine.
pub fn ensure() -> Result<Toolchain> {
    let toolchain = Toolchain::of_rustc()?;
    toolchain.drop_second_copy()?;
    if toolchain.has_target() {
        return Ok(toolchain);
    }
    let mut tried = Vec::new();
    if std::env::var_os(WAY).is_none_or(|way| way != "debian") {
        eprintln!("The target {TARGET} is missing; asking rustup for it");
        match rustup().and_then(|()| toolchain.check_target()) {
            Ok(()) => return Ok(toolchain),
            Err(reason) => tried.push(("rustup", reason)),
        }
    }
    eprintln!(
        "Building the target from Debian's rust-src {} (about a minute)",
        toolchain.version
    );
    match debian::install(&toolchain).and_then(|()| toolchain.check_target()) {
        Ok(()) => Ok(toolchain),
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

fn unobtainable(toolchain: &Toolchain, tried: &[(&str, String)]) -> String {
    let mut text = format!(
        "the Rust target {TARGET} is missing and could not be installed, expected it to build the \
         canisters"
    );
    for (way, reason) in tried {
        text.push_str(&format!("\n  tried {way}: {reason}"));
    }
    text.push_str(&format!(
        "\nBy hand, one of the two:\n  \
         rustup target add {TARGET}\n  \
         unpack Debian's package rust-src {version}, build its library/ with \
         `cargo -Z build-std=std,panic_abort`, and copy the .rlib files to {lib}",
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
        let toolchain = Toolchain {
            version: "1.95.0".into(),
            commit: "abc".into(),
            sysroot: "/sysroot".into(),
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
