//! The consent of the user to a change: asked for on a terminal, or given with `--yes`.

use crate::console;
use crate::failure::Outcome;
use crate::local::error::LocalError;
use std::io::{BufRead, IsTerminal};
use tokio::task::spawn_blocking;

/// How a command gets consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Given with `--yes`.
    Given,
    /// The user of the terminal is asked.
    Asked,
    /// There is nobody to ask.
    Missing,
}

impl Consent {
    pub fn new(yes: bool) -> Self {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        match (yes, terminal) {
            (true, _) => Consent::Given,
            (false, true) => Consent::Asked,
            (false, false) => Consent::Missing,
        }
    }

    /// Fails if nobody can be asked.
    pub fn check(self) -> Outcome {
        match self {
            Consent::Given | Consent::Asked => Ok(()),
            Consent::Missing => Err(LocalError::NobodyToAsk.into()),
        }
    }

    /// Says what will happen, and gets the consent to it.
    pub async fn to(self, plan: &[String]) -> Outcome {
        plan.iter().for_each(|text| console::line(text));
        self.check()?;
        if self == Consent::Given {
            return Ok(());
        }
        console::line("Go on? [y/N]");
        let answer = spawn_blocking(|| {
            let mut line = String::new();
            // an answer that can't be read is no consent
            let _ = std::io::stdin().lock().read_line(&mut line);
            line
        });
        let answer = answer.await.expect("BUG: reading an answer panicked");
        match is_yes(&answer) {
            true => Ok(()),
            false => Err(LocalError::Declined.into()),
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Kind;

    #[tokio::test]
    async fn nobody_to_ask_is_a_wrong_use() {
        let failure = Consent::Missing.to(&[]).await.unwrap_err();
        assert_eq!(failure.kind(), Kind::Usage);
        assert!(failure.to_string().contains("--yes"), "{failure}");
        assert!(Consent::Given.to(&[]).await.is_ok());
        assert_eq!(Consent::new(true), Consent::Given);
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for yes in ["y\n", "Yes\r\n", " YES "] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yep\n", "y es"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
