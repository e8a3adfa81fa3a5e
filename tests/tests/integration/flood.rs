//! Floods: strangers keep within their share, and an operator can list, block and end.

use crate::metrics::sample;
use crate::{begin_and_put, bytes, capsule, put, read_back, refused, sha256, turned_away, upload};
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::principals::{PrincipalPage, SessionHolder};
use std::time::Duration;
use tools::client::{CallError, Client};
use tools::deployment::{Deployment, Part, deploy, person};
use tools::source::UploadSpec;

fn configured(args: GatewayArgs) -> Deployment {
    let deployment = deploy();
    let controller = deployment.client(deployment.controller);
    controller.update::<()>("configure", (args,)).unwrap();
    deployment
}

fn admin<T>(deployment: &Deployment, method: &str, list: &[Principal]) -> T
where
    T: candid::CandidType + serde::de::DeserializeOwned,
{
    let controller = deployment.client(deployment.controller);
    controller.update(method, (list,)).unwrap()
}

fn pass(deployment: &Deployment, seconds: u64) {
    deployment.pic.advance_time(Duration::from_secs(seconds));
    deployment.pic.tick();
}

fn gauge(deployment: &Deployment, name: &str) -> f64 {
    sample(deployment, &format!("upload_gateway_{name}"))
}

/// Uploads a small file to its end.
fn uploads(client: &Client, name: &str) {
    let data = bytes(700, 3);
    let spec = UploadSpec::document(name, 700).in_chunks_of(300, 700);
    let done = upload(client, &spec, &data).unwrap();
    assert!(read_back(client, &done.result.blob_id) == data);
}

#[test]
fn a_flood_of_begins_stops_neither_the_known_nor_a_newcomer() {
    let deployment = configured(GatewayArgs {
        max_sessions: Some(100),
        max_sessions_per_principal: Some(5),
        ..GatewayArgs::default()
    });
    let alice = person("alice");
    admin::<()>(&deployment, "principals_add", &[alice]);
    // Each in a capsule of its own, so the index has nothing against them.
    let flood: Vec<_> = (0..12)
        .map(|n| {
            let client = deployment.client(person(&format!("flood {n}")));
            (capsule(&client), client)
        })
        .collect();
    let spec = |n: usize| UploadSpec::document(&format!("flood {n}"), 900).in_chunks_of(300, 900);
    let begin_all = || {
        let all = flood.iter().flat_map(|one| (0..5).map(move |n| (one, n)));
        let begun = all.map(|((capsule, client), n)| client.begin(capsule, &spec(n)));
        begun.filter(|begun| begun.is_ok()).count()
    };
    assert_eq!(begin_all(), 50);
    assert_eq!(gauge(&deployment, "sessions_of_strangers"), 50.0);
    let (last, flooder) = &flood[11];
    let over = refused(flooder.begin(last, &spec(0)));
    assert_eq!(over, Error::ResourceExhausted);
    // Somebody who is known uploads at once.
    uploads(&deployment.client(alice), "alice's");

    // The operator sees who holds most.
    let controller = deployment.client(deployment.controller);
    let holders: Vec<SessionHolder> = controller.query("sessions_holders", ()).unwrap();
    assert_eq!(holders.len(), 10);
    assert!(
        holders
            .iter()
            .all(|holder| holder.sessions == 5 && !holder.known)
    );

    // Repeated begins keep the sessions of the flood for now.
    pass(&deployment, 300);
    assert_eq!(begin_all(), 50);
    let newcomer = deployment.client(person("newcomer"));
    let mine = capsule(&newcomer);
    let over = refused(newcomer.begin(&mine, &spec(0)));
    assert_eq!(over, Error::ResourceExhausted);
    // Within ten minutes of the flood's end a newcomer uploads.
    pass(&deployment, 300);
    uploads(&newcomer, "newcomer's");
    assert_eq!(gauge(&deployment, "evictions_total"), 1.0);
    assert_eq!(gauge(&deployment, "expiries_total"), 0.0);
    assert_eq!(gauge(&deployment, "sessions_of_strangers"), 49.0);
    assert_eq!(gauge(&deployment, "principals_uploaded"), 2.0);

    // The operator ends the rest by a block.
    let flooders: Vec<_> = (0..12).map(|n| person(&format!("flood {n}"))).collect();
    let ended: u32 = admin(&deployment, "principals_block", &flooders);
    assert_eq!(ended, 49);
    assert_eq!(gauge(&deployment, "sessions_of_strangers"), 0.0);
    assert_eq!(gauge(&deployment, "sessions_ended_total"), 49.0);
}

#[test]
fn a_blocked_principal_reads_and_changes_nothing() {
    let deployment = deploy();
    let (alice, mallory) = (person("alice"), person("mallory"));
    let client = deployment.client(mallory);
    let mine = capsule(&client);
    let data = bytes(900, 1);
    let spec = UploadSpec::document("done", 900).in_chunks_of(300, 900);
    let done = upload(&client, &spec, &data).unwrap();
    let spec = UploadSpec::document("open", 900).in_chunks_of(300, 900);
    let open = begin_and_put(&client, &spec, &data, 1);
    turned_away(client.update::<u32>("principals_block", (vec![alice],)));

    let ended: u32 = admin(&deployment, "principals_block", &[mallory]);
    assert_eq!(ended, 1);
    let before = deployment.cycles(Part::Gateway);
    turned_away(client.begin(&mine, &spec));
    turned_away(client.put_chunk(open, 1, &data[300..600]));
    turned_away(client.finish(open, &sha256(&data), 900));
    turned_away(client.abort(open));
    turned_away(client.capsules_create(None));
    turned_away(client.add_controller(&mine, alice));
    turned_away(client.remove_controller(&mine, alice));
    turned_away(client.memories_delete(&done.result.memory_id));
    assert_eq!(deployment.cycles(Part::Gateway), before);
    assert_eq!(refused(client.status(open)), Error::NotFound);
    assert!(read_back(&client, &done.result.blob_id) == data);
    assert_eq!(client.list().unwrap().len(), 1);

    let controller = deployment.client(deployment.controller);
    let page: PrincipalPage = controller
        .query("principals_list", (None::<Principal>,))
        .unwrap();
    let entry = page.principals[0];
    assert_eq!((page.principals.len(), entry.principal), (1, mallory));
    assert!(entry.blocked_since.is_some() && entry.known_since.is_none());
    assert_eq!(gauge(&deployment, "principals_blocked"), 1.0);
    let _: () = admin(&deployment, "principals_unblock", &[mallory]);
    uploads(&client, "again");
    assert_eq!(gauge(&deployment, "principals_blocked"), 0.0);
}

#[test]
fn a_controller_ends_a_session_by_its_id() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let data = bytes(900, 1);
    let spec = UploadSpec::document("open", 900).in_chunks_of(300, 900);
    let open = begin_and_put(&alice, &spec, &data, 1);
    let controller = deployment.client(deployment.controller);
    turned_away(alice.update::<Vec<u64>>("sessions_end", (vec![open],)));
    let ended: Vec<u64> = controller
        .update("sessions_end", (vec![open, open + 1],))
        .unwrap();
    assert_eq!(ended, [open]);
    assert_eq!(refused(alice.put_chunk(open, 1, b"x")), Error::NotFound);
    uploads(&alice, "again");
}

#[test]
fn one_chunk_again_and_again_uses_up_its_senders_budget() {
    let deployment = configured(GatewayArgs {
        max_bytes_per_principal_per_day: Some(10_000_000),
        ..GatewayArgs::default()
    });
    let alice = deployment.client(person("alice"));
    let data = bytes(2_000_000, 1);
    let spec = UploadSpec::document("file", 2_000_000).in_chunks_of(1_000_000, 2_000_000);
    let open = begin_and_put(&alice, &spec, &data, 1);
    for _ in 0..9 {
        put(&alice, open, &spec, &data, 0..1);
    }
    let Error::Internal(text) = refused(alice.put_chunk(open, 1, &data[1_000_000..])) else {
        panic!("the budget is used up for now only");
    };
    let words = "temporary: the budget of bytes per principal and day is used up: ";
    assert!(text.starts_with(words), "{text}");
    assert!(
        text.contains(" of 10000000 bytes; free again in "),
        "{text}"
    );
    let refusals = "budget_refusals_total{budget=\"principal\"}";
    assert_eq!(gauge(&deployment, refusals), 1.0);
    // Others have their own budget, and a tenth of a day later there is room.
    uploads(&deployment.client(person("bob")), "bob's");
    pass(&deployment, 8_640);
    put(&alice, open, &spec, &data, 1..2);
    alice.finish(open, &sha256(&data), 2_000_000).unwrap();

    // If she goes on, she is turned away for free.
    let open = begin_and_put(&alice, &UploadSpec::document("next", 2), &data, 0);
    let chunk = &data[..1_700_000];
    let mut answers = (0..30).map(|_| alice.put_chunk(open, 0, chunk));
    assert!(answers.any(|answer| matches!(answer, Err(CallError::Rejected(_)))));
    let before = deployment.cycles(Part::Gateway);
    turned_away(alice.put_chunk(open, 0, chunk));
    assert_eq!(deployment.cycles(Part::Gateway), before);
}

#[test]
fn a_large_chunk_of_an_ended_session_is_not_found() {
    let deployment = deploy();
    let alice = deployment.client(person("alice"));
    let mallory = deployment.client(person("mallory"));
    let large = bytes(300_000, 1);
    let spec = UploadSpec::document("file", 600_000).in_chunks_of(300_000, 600_000);
    let open = alice.begin(&capsule(&alice), &spec).unwrap();
    alice.abort(open).unwrap();
    assert_eq!(refused(alice.put_chunk(open, 0, &large)), Error::NotFound);
    let before = deployment.cycles(Part::Gateway);
    turned_away(mallory.put_chunk(open, 0, &large));
    turned_away(alice.put_chunk(open + 1, 0, &large));
    assert_eq!(deployment.cycles(Part::Gateway), before);
    // A day later nobody remembers.
    pass(&deployment, 24 * 3_600 + 1);
    turned_away(alice.put_chunk(open, 0, &large));
}
