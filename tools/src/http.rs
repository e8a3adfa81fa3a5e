//! The HTTP client for requests to the engine that the `pocket-ic` crate doesn't know.

use reqwest::blocking::Client;
use std::time::Duration;

/// The time after which a request counts as a hang. A busy machine needs far less.
pub const HANG: Duration = Duration::from_secs(600);

/// A client that waits for each answer, up to a hang.
pub fn client() -> Client {
    let client = Client::builder().timeout(HANG).build();
    client.expect("BUG: the client has no settings that can fail")
}
