//! Sessions and principals of others.

use super::super::machine::Machine;
use super::{document, refused};
use crate::{capsule, turned_away};
use serde_json::{Value, json};
use tools::deployment::person;
use tools::source::UploadSpec;

fn sessions(machine: &Machine) -> Vec<Value> {
    let listed = document(machine, &["sessions", "list"]);
    assert_eq!(listed["complete"], true);
    listed["sessions"].as_array().unwrap().clone()
}

#[test]
fn sessions_of_others_are_listed_and_end() {
    let machine = Machine::operated(1);
    let alice = machine.deployment.client(person("alice"));
    let own = capsule(&alice);
    let name = "a \"quoted\", name";
    let begun = alice.begin(&own, &UploadSpec::document(name, 3)).unwrap();
    let listed = sessions(&machine);
    assert_eq!(listed[0]["session"], begun);
    assert_eq!(listed[0]["state"], "pending");
    assert_eq!(listed[0]["capsule"], own);
    let holders = &document(&machine, &["sessions", "list"])["holders"];
    assert_eq!(holders[0]["principal"], person("alice").to_text());
    assert!(machine.done(&["admin", "sessions", "list"]).contains(&own));

    let id = begun.to_string();
    let ended = document(&machine, &["sessions", "end", &id]);
    assert_eq!(ended, json!({ "ended": [begun], "not_ended": [] }));
    assert!(sessions(&machine).is_empty());
    let again = refused(&machine, 4, &["sessions", "end", &id]);
    assert!(
        again.contains(&format!("session {id} not ended")),
        "{again}"
    );
}

#[test]
fn principals_are_known_and_blocked_by_the_operators_word() {
    let machine = Machine::operated(1);
    let alice = machine.deployment.client(person("alice"));
    let own = capsule(&alice);
    let spec = UploadSpec::document("file", 3);
    alice.begin(&own, &spec).unwrap();
    let who = person("alice").to_text();
    let entry = || {
        let listed = document(&machine, &["principals", "list"]);
        listed["principals"].as_array().unwrap().first().cloned()
    };
    assert_eq!(entry(), None);
    document(&machine, &["principals", "add", &who]);
    assert!(entry().unwrap()["known_since_ns"].is_u64());
    let blocked = document(&machine, &["principals", "block", &who]);
    assert_eq!(blocked["ended_sessions"], 1);
    assert!(entry().unwrap()["blocked_since_ns"].is_u64());
    turned_away(alice.begin(&own, &spec));
    assert!(
        machine
            .done(&["admin", "principals", "list"])
            .contains(&who)
    );
    document(&machine, &["principals", "unblock", &who]);
    document(&machine, &["principals", "remove", &who]);
    assert_eq!(entry(), None);
    alice.begin(&own, &spec).unwrap();
}
