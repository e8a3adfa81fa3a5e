//! The options of the commands that send files, and of those that ask for proofs.

use crate::local::folder::exclude::{Exclude, Pattern};
use crate::local::folder::walk::Choice;
use clap::Args;
use mime_guess::Mime;
use std::path::PathBuf;

/// An upload of files and folders.
#[derive(Args)]
pub struct UploadOptions {
    /// The files to upload, and folders with all files in them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub sending: SendOptions,
    #[command(flatten)]
    pub choice: ChoiceOptions,
    #[command(flatten)]
    pub trust: Trust,
    /// The MIME type of the files (default: by the name of each)
    #[arg(long = "type", value_name = "TYPE", value_parser = mime_type)]
    pub mime_type: Option<String>,
    /// Send files although the capsule has them already
    #[arg(long)]
    pub again: bool,
}

/// The comparison of a folder with a capsule.
#[derive(Args)]
pub struct SyncOptions {
    /// The folder
    pub folder: PathBuf,
    #[command(flatten)]
    pub sending: SendOptions,
    #[command(flatten)]
    pub choice: ChoiceOptions,
    #[command(flatten)]
    pub trust: Trust,
    /// Say what would be uploaded, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How files are sent.
#[derive(Args)]
pub struct SendOptions {
    /// The capsule (default: your own, made if there is none)
    #[arg(long, value_name = "ID")]
    pub capsule: Option<String>,
    /// Send this many chunks at once, or eight times as many small files of a folder, at most 64
    #[arg(
        long,
        default_value_t = 4,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub parallel: u16,
}

/// Which files of a folder count.
#[derive(Args)]
pub struct ChoiceOptions {
    /// Follow symbolic links in folders
    #[arg(long)]
    pub follow: bool,
    /// Send hidden files and folders, too
    #[arg(long)]
    pub all: bool,
    /// Leave out names like this, such as `*.tmp` or `cache/`; a pattern with `/` inside is for the
    /// path below the folder
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<Pattern>,
}

impl ChoiceOptions {
    /// The choice that these options make.
    pub fn choice(self) -> Choice {
        Choice {
            follow: self.follow,
            all: self.all,
            exclude: Exclude::new(self.exclude),
        }
    }
}

/// How much of the network must agree.
#[derive(Args)]
pub struct Trust {
    /// Take one node's word for the memory's size and SHA-256, without the network's proof
    #[arg(long)]
    pub unproven: bool,
}

/// A MIME type as it is stored: in lower case, with its parameters.
fn mime_type(text: &str) -> Result<String, String> {
    let names_one = |part: &str| !matches!(part, "" | "*");
    match text.parse::<Mime>() {
        Ok(mime) if names_one(mime.type_().as_str()) && names_one(mime.subtype().as_str()) => {
            Ok(mime.to_string())
        }
        _ => Err("expected a MIME type such as image/jpeg".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_mime_type() {
        for (text, stored) in [
            ("image/jpeg", "image/jpeg"),
            ("Text/Plain; charset=UTF-8", "text/plain; charset=utf-8"),
            ("application/vnd.x+json", "application/vnd.x+json"),
        ] {
            assert_eq!(mime_type(text).as_deref(), Ok(stored));
        }
        for bad in [
            "", "jpeg", "image/", "/jpeg", "image/*", "*/*", "a b/c", "a/b\n",
        ] {
            assert!(mime_type(bad).is_err(), "{bad:?}");
        }
    }
}
