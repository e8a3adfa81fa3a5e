//! The advice that official servers add to error texts.

/// The advice for errors of a compiler or of a library for canisters.
pub const TOOLCHAIN: &str = "If you are running this canister in a test environment (e.g., dfx), \
    make sure the test environment is up to date. Otherwise, this is likely an error with the \
    compiler/CDK toolchain being used to build the canister. Please report the error to IC devs on \
    the forum: https://forum.dfinity.org and include which language/CDK was used to create the \
    canister.";

/// A suggestion with a link to a section of the page on execution errors.
pub fn help(suggestion: &str, section: &str) -> String {
    format!(
        "{suggestion} See documentation: \
         https://internetcomputer.org/docs/current/references/execution-errors#{section}"
    )
}

/// An error text with its advice on a line of its own.
pub fn advised(mut text: String, advice: Option<&str>) -> String {
    if let Some(advice) = advice {
        text.push_str(".\n");
        text.push_str(advice);
    }
    text
}
