//! The command line: what the user can ask for, and what `--help` says about it.

pub mod admin;
mod sending;

pub use sending::{SyncOptions, Trust, UploadOptions};

use crate::console::Verbosity;
use crate::dates::Period;
use crate::exit;
use crate::local::stdout::is_stdout;
use crate::network::options::Options;
use admin::AdminOptions;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use globset::{Glob, GlobMatcher};
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "capsule",
    version = env!("CAPSULE_VERSION"),
    about = "Uploads files into capsules on the Internet Computer and reads them back",
    after_help = exit::help()
)]
pub struct Arguments {
    #[command(flatten)]
    pub network: Options,
    /// Print one JSON object a line instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Repeat a call for this many seconds while the network or a canister can't answer
    #[arg(
        long,
        alias = "patience",
        global = true,
        default_value_t = 120,
        value_name = "SECONDS"
    )]
    pub retry_for: u64,
    /// Show no progress; results, warnings and errors stay
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Tell what is repeated, and why
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Upload files; the same command resumes an upload that was interrupted
    Upload(UploadOptions),
    /// Upload what a capsule lacks of a folder, by path and content; nothing is deleted
    Sync(SyncOptions),
    /// Download a memory into a file, or all memories of a capsule into a folder, and check them
    Download {
        /// The id of the memory, as `capsule ls` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        memory: Option<String>,
        /// Download all memories of a capsule into this folder
        #[arg(long, value_name = "DIR", conflicts_with = "output")]
        all: Option<PathBuf>,
        /// The capsule whose memories are downloaded (default: your own)
        #[arg(long, value_name = "ID", requires = "all")]
        capsule: Option<String>,
        /// The file or folder, or `-` for standard output (default: the memory's own name, in this
        /// folder)
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        trust: Trust,
    },
    /// Read a memory and compare it with the index, and with a file if you name one
    Verify {
        /// The id of the memory, as `capsule ls` shows it
        memory: String,
        /// A file that must have the same bytes
        file: Option<PathBuf>,
        #[command(flatten)]
        trust: Trust,
    },
    /// List the memories of a capsule, oldest first
    Ls {
        /// The capsule (default: your own)
        #[arg(long, value_name = "ID")]
        capsule: Option<String>,
        #[command(flatten)]
        options: ListOptions,
    },
    /// Show your uploads, or one of them
    Status {
        /// The session id (default: all your uploads)
        session: Option<u64>,
    },
    /// Give up uploads that are not finished
    Abort {
        /// The session ids, as `capsule status` shows them
        #[arg(
            required_unless_present = "all",
            conflicts_with = "all",
            value_name = "SESSION"
        )]
        sessions: Vec<u64>,
        /// All your pending uploads
        #[arg(long)]
        all: bool,
    },
    /// Delete a memory: it goes into the trash, and later with its bytes
    Rm {
        /// The id of the memory, as `capsule ls` shows it
        memory: String,
    },
    /// List the trash of a capsule
    Trash {
        /// The capsule (default: your own)
        #[arg(long, value_name = "ID")]
        capsule: Option<String>,
    },
    /// Delete memories in the trash for good; nothing brings them back
    Purge {
        /// The ids of the memories, as `capsule trash` shows them
        #[arg(
            required_unless_present = "all",
            conflicts_with = "all",
            value_name = "MEMORY"
        )]
        memories: Vec<String>,
        /// Everything in the trash of a capsule
        #[arg(long)]
        all: bool,
        /// The capsule whose trash is emptied (default: your own)
        #[arg(long, value_name = "ID", requires = "all")]
        capsule: Option<String>,
    },
    /// Take a memory out of the trash
    Restore {
        /// The id of the memory, as `capsule trash` shows it
        memory: String,
    },
    /// List the capsules that you may read and write
    Capsules,
    /// Operate the canisters: stores, sessions, principals, gateways and checks
    Admin(AdminOptions),
    /// Show your principal
    Identity {
        /// Make a new identity; an existing one is never replaced
        #[arg(long)]
        new: bool,
    },
    /// Print completions for a shell
    Completions { shell: Shell },
    /// Print the manual in the form of `man`, of all or of one command
    #[command(hide = true)]
    Man { command: Option<String> },
}

impl Command {
    /// Whether standard output gets the bytes of a memory, so that results go elsewhere.
    pub fn prints_bytes(&self) -> bool {
        match self {
            Command::Download { output, .. } => output.as_deref().is_some_and(is_stdout),
            _ => false,
        }
    }
}

/// Which memories are listed, and how.
#[derive(Args)]
pub struct ListOptions {
    /// List only names like this, with `*`, `?` and `[abc]`
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    pub name: Option<GlobMatcher>,
    /// List only uploads since this date in UTC, such as 2026-11-30 or "2026-11-30 16:05"
    #[arg(long, value_name = "DATE")]
    pub since: Option<Period>,
    /// List only uploads until the end of this date in UTC
    #[arg(long, value_name = "DATE")]
    pub until: Option<Period>,
    /// Sort by the name, the date of the upload, or the size
    #[arg(long, value_name = "KEY")]
    pub sort: Option<SortKey>,
    /// Reverse the order
    #[arg(long)]
    pub reverse: bool,
    /// Show the date, the SHA-256 and the uploader, too
    #[arg(long, short)]
    pub long: bool,
}

/// The key that sorts a list.
#[derive(Clone, Copy, ValueEnum)]
pub enum SortKey {
    Name,
    Date,
    Size,
}

/// A pattern for names.
fn pattern(text: &str) -> Result<GlobMatcher, String> {
    match Glob::new(text) {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(format!("{}, expected one like *.jpg", error.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_patience_has_its_old_name_too() {
        for option in ["--retry-for", "--patience"] {
            let given = Arguments::try_parse_from(["capsule", "ls", option, "7"]).unwrap();
            assert_eq!(given.retry_for, 7);
        }
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.contains("--retry-for") && !help.contains("--patience"));
    }

    #[test]
    fn abort_takes_sessions_or_all() {
        let parsed = |rest: &[&str]| {
            let arguments = [&["capsule", "abort"], rest].concat();
            Arguments::try_parse_from(arguments).is_ok()
        };
        assert!(parsed(&["3"]) && parsed(&["3", "4", "5"]) && parsed(&["--all"]));
        assert!(!parsed(&[]) && !parsed(&["3", "--all"]) && !parsed(&["x"]));
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_lists_the_exit_codes() {
        let help = Arguments::command().render_help().to_string();
        assert!(help.contains(&exit::help()), "{help}");
    }
}
