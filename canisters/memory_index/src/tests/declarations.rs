//! Rules for the declarations of methods: updates ask for background work, and methods of canister
//! controllers are inspected as such. The tests read the source, because only a canister has a
//! timer and ingress.

use canister_common::inspection::ADMINISTRATION;

const SOURCE: &str = include_str!("../lib.rs");

/// The declarations of the methods of this kind, each from its guard to its end.
fn methods(kind: &str) -> Vec<&'static str> {
    let start = format!("method!({kind} for ");
    let rests = SOURCE.split(start.as_str()).skip(1);
    let whole = rests.map(|rest| rest.split_once("\n});"));
    whole.map(|found| found.expect("it ends").0).collect()
}

#[test]
fn every_update_changes_the_state_by_the_function_that_asks_for_work() {
    let updates = methods("update");
    assert!(updates.len() > 10, "they are found");
    for update in updates {
        assert!(update.contains("change(|"), "{update}");
        assert!(!update.contains("with_state("), "{update}");
    }
}

#[test]
fn no_query_asks_for_work() {
    let queries = methods("query");
    assert!(queries.len() > 10, "they are found");
    for query in queries {
        assert!(!query.contains("change(|"), "{query}");
    }
}

#[test]
fn methods_of_canister_controllers_are_administration() {
    let all = ["update", "query"].into_iter().flat_map(methods);
    let guarded = all.filter_map(|method| method.strip_prefix("check_canister_controller: fn "));
    let names: Vec<_> = guarded
        .map(|rest| rest.split('(').next().unwrap())
        .collect();
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        assert!(ADMINISTRATION.contains(&name), "{name}");
    }
}
