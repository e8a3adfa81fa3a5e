//! The command that shows the user's principal, or makes a new identity first.

use crate::failure::Outcome;
use crate::local::settings::default_identity;
use crate::network::error::ConnectError;
use crate::network::identity;
use crate::network::options::Options;
use crate::output::Output;
use serde_json::json;

pub async fn run(network: &Options, new: bool, output: Output) -> Outcome {
    if new {
        match &network.identity {
            Some(path) => identity::create(path)?,
            None => identity::create(&default_identity()?)?,
        }
    }
    let principal = network.identity().await?.sender();
    let principal = principal.map_err(ConnectError::NoPrincipal)?.to_text();
    output.result(&principal, json!({ "principal": principal }));
    Ok(())
}
