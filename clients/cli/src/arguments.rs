//! The command line: what the user can ask for, and what `--help` says about it.

use crate::exit;
use crate::network::options::Options;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use mime_guess::Mime;
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "capsule",
    version,
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
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Upload files; the same command resumes an upload that was interrupted
    Upload {
        /// The files to upload
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The capsule (default: your own, made if there is none)
        #[arg(long, value_name = "ID")]
        capsule: Option<String>,
        /// Send this many chunks at once
        #[arg(
            long,
            default_value_t = 4,
            value_name = "N",
            value_parser = clap::value_parser!(u16).range(1..=64)
        )]
        parallel: u16,
        /// The MIME type of the files (default: by the name of each)
        #[arg(long = "type", value_name = "TYPE", value_parser = mime_type)]
        mime_type: Option<String>,
        /// Send files although the capsule has them already
        #[arg(long)]
        again: bool,
    },
    /// Download a memory into a file and check it against the index
    Download {
        /// The id of the memory, as `capsule ls` shows it
        memory: String,
        /// The file or folder (default: the memory's own name, in this folder)
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Read a memory and compare it with the index, and with a file if you name one
    Verify {
        /// The id of the memory, as `capsule ls` shows it
        memory: String,
        /// A file that must have the same bytes
        file: Option<PathBuf>,
    },
    /// List the memories of a capsule
    Ls {
        /// The capsule (default: your own)
        #[arg(long, value_name = "ID")]
        capsule: Option<String>,
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
    /// Take a memory out of the trash
    Restore {
        /// The id of the memory, as `capsule trash` shows it
        memory: String,
    },
    /// List the capsules that you may read and write
    Capsules,
    /// Show your principal
    Identity {
        /// Make a new identity; an existing one is never replaced
        #[arg(long)]
        new: bool,
    },
    /// Print completions for a shell
    Completions { shell: Shell },
}

/// A MIME type as it is stored: in lower case, with its parameters.
fn mime_type(text: &str) -> Result<String, String> {
    match text.parse::<Mime>() {
        Ok(mime) if mime.type_() != "*" && mime.subtype() != "*" => Ok(mime.to_string()),
        _ => Err("expected a MIME type such as image/jpeg".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn a_type_is_a_mime_type() {
        for (text, stored) in [
            ("image/jpeg", "image/jpeg"),
            ("Text/Plain; charset=UTF-8", "text/plain; charset=utf-8"),
            ("application/vnd.x+json", "application/vnd.x+json"),
        ] {
            assert_eq!(mime_type(text).as_deref(), Ok(stored));
        }
        for bad in ["", "jpeg", "image/", "/jpeg", "image/*", "*/*", "a b/c", "a/b\n"] {
            assert!(mime_type(bad).is_err(), "{bad:?}");
        }
    }

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
