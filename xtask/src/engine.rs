//! Which engine a command runs on: localnet, or a PocketIC server that the user names.

use crate::outcome::Result;

/// The environment variables that name a server of the user.
const SERVERS: [&str; 2] = ["POCKET_IC_SERVER_URL", "POCKET_IC_BIN"];

/// Whether this system runs localnet.
pub const RUNS_LOCALNET: bool = cfg!(target_os = "linux");

/// Checks that a command finds an engine, before anything is built for it.
pub fn check() -> Result<()> {
    choose(RUNS_LOCALNET, is_named())
}

/// Checks that localnet runs here, for a command that nothing else can serve.
pub fn check_localnet(command: &str) -> Result<()> {
    match RUNS_LOCALNET {
        true => Ok(()),
        false => Err(only_on_linux(command)),
    }
}

/// Whether the user names a server.
fn is_named() -> bool {
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    SERVERS.iter().any(set)
}

fn choose(runs_localnet: bool, named: bool) -> Result<()> {
    match runs_localnet || named {
        true => Ok(()),
        false => Err(
            "the local network of this project needs Linux; set POCKET_IC_BIN to the path of an \
             official PocketIC server 16.x, which this command then starts instead"
                .into(),
        ),
    }
}

fn only_on_linux(command: &str) -> String {
    format!(
        "`cargo xtask {command}` needs the local network of this project, which needs Linux; \
         an official PocketIC server cannot replace it here"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_localnet_needs_a_server() {
        assert_eq!(choose(true, false), Ok(()));
        assert_eq!(choose(true, true), Ok(()));
        assert_eq!(choose(false, true), Ok(()));
        let text = choose(false, false).unwrap_err();
        assert!(text.contains("needs Linux; set POCKET_IC_BIN to"), "{text}");
        assert!(!text.contains(". "), "one sentence: {text}");
    }
}
