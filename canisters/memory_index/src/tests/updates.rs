//! Every update asks for background work. The source tells, because only a canister has a timer.

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
