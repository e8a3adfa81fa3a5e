//! Compiler flags that keep this machine's folders out of the canisters.
//!
//! Panic messages name source files by path. Without these flags the same source gives other
//! bytes, and so another module hash, under another user or in another folder.

use crate::layout;
use crate::outcome::Result;
use crate::wasm_target::{TARGET, Toolchain};
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Separates the flags in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// The name of the workspace's folder in the modules.
const WORKSPACE: &str = "/workspace";

/// The name of the folder of dependencies in the modules.
const DEPENDENCIES: &str = "/cargo";

/// Adds the flags to a `cargo build` for the canisters' target.
///
/// Call it when all dependencies are downloaded: the registries' folders must exist.
pub fn hide_folders(command: &mut Command, toolchain: &Toolchain) -> Result<()> {
    let flags = flags(&replacements(toolchain)?);
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let users = set("CARGO_ENCODED_RUSTFLAGS").or_else(|| {
        let plain = set("RUSTFLAGS")?;
        Some(plain.split_whitespace().collect::<Vec<_>>().join(SEPARATOR))
    });
    match users {
        // Cargo would ignore the configuration beside either variable.
        Some(users) => {
            let all = [users, flags.join(SEPARATOR)].join(SEPARATOR);
            command.env("CARGO_ENCODED_RUSTFLAGS", all);
        }
        // Cargo appends this list to the one in the user's files.
        None => {
            command.arg("--config").arg(configuration(&flags));
        }
    }
    Ok(())
}

fn flags(replacements: &[(PathBuf, String)]) -> Vec<String> {
    let flag =
        |(from, to): &(PathBuf, String)| format!("--remap-path-prefix={}={to}", from.display());
    replacements.iter().map(flag).collect()
}

/// The setting as TOML, with the same escapes as a string of Rust.
fn configuration(flags: &[String]) -> String {
    format!("target.{TARGET}.rustflags={flags:?}")
}

/// Each folder and what stands for it. The compiler applies the last one that matches.
fn replacements(toolchain: &Toolchain) -> Result<Vec<(PathBuf, String)>> {
    let home = layout::cargo_home()?;
    let mut found = vec![
        (layout::root(), WORKSPACE.to_string()),
        (layout::target_dir(), format!("{WORKSPACE}/target")),
        (toolchain.sysroot.clone(), "/sysroot".to_string()),
        // The official libraries carry this name, whether or not their source is installed.
        (
            toolchain.sysroot.join("lib/rustlib/src/rust"),
            toolchain.source_name(),
        ),
        (home.clone(), DEPENDENCIES.to_string()),
    ];
    for folder in layout::registries()? {
        found.push((folder, DEPENDENCIES.to_string()));
    }
    // Cargo may see a folder behind a symbolic link under either name.
    let real: Vec<_> = found
        .iter()
        .filter_map(|(from, to)| Some((from.canonicalize().ok()?, to.clone())))
        .filter(|pair| !found.contains(pair))
        .collect();
    found.extend(real);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_names_the_folder_and_what_stands_for_it() {
        let pairs = [
            (PathBuf::from("/one folder"), "/workspace".to_string()),
            (PathBuf::from("/two"), "/cargo".to_string()),
        ];
        assert_eq!(
            flags(&pairs),
            [
                "--remap-path-prefix=/one folder=/workspace",
                "--remap-path-prefix=/two=/cargo"
            ]
        );
    }

    #[test]
    fn the_setting_survives_quotes_in_a_folder_name() {
        assert_eq!(
            configuration(&[r#"a"b\c"#.to_string()]),
            r#"target.wasm32-unknown-unknown.rustflags=["a\"b\\c"]"#
        );
    }

    #[test]
    fn each_registry_has_the_same_name_in_the_modules() {
        let toolchain = Toolchain::of_rustc().unwrap();
        let all = replacements(&toolchain).unwrap();
        let registries = layout::registries().unwrap();
        assert!(!registries.is_empty());
        for folder in registries {
            let last = all.iter().rfind(|(from, _)| folder.starts_with(from));
            assert_eq!(last.unwrap().1, DEPENDENCIES);
        }
    }
}
