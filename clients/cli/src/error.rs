//! How a command fails: one sentence for people, a kind for scripts, an exit code.

use std::fmt;
use std::process::ExitCode;

/// What went wrong; each kind has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything of this machine: files, settings, identities.
    Local,
    /// The canister refused: final for the same request.
    Refused,
    /// There is no such memory, upload or capsule.
    NotFound,
    /// The identity has no right to it.
    Unauthorized,
    /// The network can't be reached, or did not answer for too long; the same command may succeed later.
    Network,
    /// What came back is not what was stored, or its proof is not valid.
    Integrity,
}

impl Kind {
    /// 2 is clap's, for wrong arguments; 130 is Ctrl-C's.
    pub fn code(self) -> u8 {
        match self {
            Kind::Local => 1,
            Kind::Refused => 3,
            Kind::NotFound => 4,
            Kind::Unauthorized => 5,
            Kind::Network => 6,
            Kind::Integrity => 7,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Local => "local",
            Kind::Refused => "refused",
            Kind::NotFound => "not_found",
            Kind::Unauthorized => "unauthorized",
            Kind::Network => "network",
            Kind::Integrity => "integrity",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    pub text: String,
}

pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, text }
    }

    pub fn local(text: impl Into<String>) -> Self {
        Self::new(Kind::Local, text)
    }

    /// The same, with what was being done before it.
    pub fn during(self, what: impl fmt::Display) -> Self {
        Self {
            kind: self.kind,
            text: format!("{what}: {}", self.text),
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
