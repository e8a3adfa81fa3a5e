//! All that one gateway owns goes to another.

use super::super::machine::{Machine, text};
use super::{document, refused};
use capsule_shared::gateway::GatewayArgs;
use serde_json::Value;
use tools::client::Client;
use tools::deployment::Part;

#[test]
fn a_gateway_hands_over_in_the_index_and_in_every_store() {
    let machine = Machine::operated(2);
    let deployment = &machine.deployment;
    let file = machine.file("photo.jpg", 30_000, 1);
    machine.done(&["upload", text(&file)]);
    let memory = machine.json(&["ls"])[0]["memory"].clone();
    let memory = memory.as_str().unwrap();
    let settings = GatewayArgs {
        memory_index: Some(deployment.memory_index),
        blob_stores: Some(deployment.stores()),
        first_session: Some(1_000),
        ..GatewayArgs::default()
    };
    let new = deployment.install_another(Part::Gateway, &settings);
    let both = [deployment.controller, machine.principal()];
    let pic = &deployment.pic;
    pic.set_controllers(new, Some(deployment.controller), both.to_vec())
        .unwrap();
    let (old, new_text) = (deployment.gateway.to_text(), new.to_text());
    let transfer = ["gateways", "transfer", "--from", &old, "--to", &new_text];
    let said = refused(&machine, 3, &transfer);
    assert!(said.contains("gateways_register"), "{said}");

    let mut peers = deployment.stores();
    peers.push(deployment.memory_index);
    for peer in &peers {
        let peer = Client::new(pic, *peer, deployment.controller);
        peer.update::<()>("gateways_register", (new,)).unwrap();
    }
    let moved = document(&machine, &transfer);
    let canisters = moved["canisters"].as_array().unwrap();
    assert_eq!(canisters.len(), 3);
    assert_eq!(canisters[0]["canister"], deployment.memory_index.to_text());
    assert!(canisters.iter().all(|one| one["done"] == true), "{moved}");
    let again = machine.done(&[&["admin", "--yes"], &transfer[..]].concat());
    assert_eq!(again.matches("handed over before").count(), 3, "{again}");

    // The new gateway owns the memory now.
    machine.done(&["--gateway", &new_text, "rm", memory]);
    machine.done(&["--gateway", &new_text, "purge", memory]);
    let status = document(&machine, &["--gateway", &new_text, "status"]);
    assert_eq!(status["gateway"]["canister"], new_text);
    assert_eq!(status["index"]["error"], Value::Null);
}
