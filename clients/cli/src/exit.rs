//! Exit codes: every kind of failure with its code, its name for scripts and its meaning.

use crate::signals::Signal;

/// The exit code of a command that succeeded.
pub const SUCCESS: u8 = 0;
/// The exit code of wrong arguments.
///
/// Source: clap, which has it for the command lines that it refuses.
pub const USAGE: u8 = 2;

/// The kind of a failure; each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Local,
    /// The arguments are wrong, or lack one.
    Usage,
    Refused,
    NotFound,
    Unauthorized,
    Network,
    Integrity,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::Local,
        Kind::Usage,
        Kind::Refused,
        Kind::NotFound,
        Kind::Unauthorized,
        Kind::Network,
        Kind::Integrity,
    ];

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Kind::Local => 1,
            Kind::Usage => USAGE,
            Kind::Refused => 3,
            Kind::NotFound => 4,
            Kind::Unauthorized => 5,
            Kind::Network => 6,
            Kind::Integrity => 7,
        }
    }

    /// The value of `error` in the output of `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Local => "local",
            Kind::Usage => "usage",
            Kind::Refused => "refused",
            Kind::NotFound => "not_found",
            Kind::Unauthorized => "unauthorized",
            Kind::Network => "network",
            Kind::Integrity => "integrity",
        }
    }

    /// The meaning, as `--help` shows it.
    fn meaning(self) -> &'static str {
        match self {
            Kind::Local => "a problem on this machine: files, identity or settings",
            Kind::Usage => "the arguments are wrong",
            Kind::Refused => "the canister or the network refused the request",
            Kind::NotFound => "there is no such memory, upload or capsule",
            Kind::Unauthorized => "the identity has no right to it",
            Kind::Network => "the network does not answer; repeat the command later",
            Kind::Integrity => "the bytes or their proof are wrong",
        }
    }
}

/// The table of all exit codes for `--help`.
pub fn help() -> String {
    let mut rows = vec![
        (SUCCESS, "the command succeeded"),
        (
            Signal::HangUp.exit_code(),
            "the terminal went away (SIGHUP)",
        ),
        (
            Signal::Interrupt.exit_code(),
            "Ctrl-C interrupted the command",
        ),
        (Signal::Terminate.exit_code(), "SIGTERM ended the command"),
    ];
    rows.extend(Kind::ALL.map(|kind| (kind.code(), kind.meaning())));
    rows.sort();
    let lines = rows
        .iter()
        .map(|(code, meaning)| format!("  {code:>3}  {meaning}"));
    format!("Exit codes:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Scripts depend on these numbers and names.
    #[test]
    fn codes_and_names_stay() {
        let table = Kind::ALL.map(|kind| (kind.code(), kind.name()));
        assert_eq!(
            table,
            [
                (1, "local"),
                (2, "usage"),
                (3, "refused"),
                (4, "not_found"),
                (5, "unauthorized"),
                (6, "network"),
                (7, "integrity"),
            ]
        );
    }

    #[test]
    fn each_exit_code_has_one_meaning() {
        let help = help();
        let codes: BTreeSet<&str> = help
            .lines()
            .skip(1)
            .map(|line| line.trim().split(' ').next().unwrap())
            .collect();
        assert_eq!(
            codes,
            BTreeSet::from(["0", "1", "2", "3", "4", "5", "6", "7", "129", "130", "143"])
        );
    }
}
