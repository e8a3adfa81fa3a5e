//! An upgrade from release 0.1.0 with 10,000 open sessions, the most that its defaults allow, and
//! with committed ones.

use super::{MOST, check_upgrade, clear, costs, upgrade};
use crate::sha256;
use candid::{CandidType, Encode, Principal, decode_one, encode_args};
use capsule_shared::Result;
use capsule_shared::capsule::Capsule;
use capsule_shared::gateway::GatewayArgs;
use capsule_shared::principals::SessionHolder;
use capsule_shared::upload::UploadFinishResult;
use serde::de::DeserializeOwned;
use serde_bytes::Bytes;
use tools::deployment::{Created, Deployment, deploy, person, release_0_1_0};
use tools::engine::network;
use tools::source::UploadSpec;

/// Principals with open sessions, and how many each holds.
const OWNERS: usize = 1_000;
const HELD: usize = 10;

/// Calls in flight at once: the release has a cap of open calls.
const AT_ONCE: usize = 200;

fn owner(n: usize) -> Principal {
    person(&format!("owner {n}"))
}

fn released() -> Deployment {
    let created = Created::on(network()).with_modules(release_0_1_0);
    created.install(GatewayArgs::default())
}

/// Sends calls of the gateway, many at once, and returns the answers.
fn all<T>(deployment: &Deployment, calls: Vec<(Principal, &str, Vec<u8>)>) -> Vec<T>
where
    T: CandidType + DeserializeOwned,
{
    let pic = &deployment.pic;
    let mut answers = Vec::new();
    for batch in calls.chunks(AT_ONCE) {
        let sent: Vec<_> = batch
            .iter()
            .map(|(who, method, arg)| {
                let sent = pic.submit_call(deployment.gateway, *who, method, arg.clone());
                sent.unwrap()
            })
            .collect();
        for call in sent {
            let reply = pic.await_call(call).unwrap();
            let answer: Result<T> = decode_one(&reply).unwrap();
            answers.push(answer.unwrap());
        }
    }
    answers
}

/// Creates a capsule for each owner, and uploads a file of one byte into it.
fn commit_all(deployment: &Deployment) -> Vec<String> {
    let create = |n| (owner(n), "capsules_create", Encode!(&None::<()>).unwrap());
    let capsules: Vec<Capsule> = all(deployment, (0..OWNERS).map(create).collect());
    let capsules: Vec<String> = capsules.into_iter().map(|capsule| capsule.id).collect();
    let begins = (0..OWNERS).map(|n| begin(n, &capsules[n], "done"));
    let sessions: Vec<u64> = all(deployment, begins.collect());
    let each = |method, args: &dyn Fn(u64) -> Vec<u8>| {
        let calls = sessions.iter().enumerate();
        calls
            .map(|(n, session)| (owner(n), method, args(*session)))
            .collect()
    };
    let put = |session: u64| encode_args((session, 0u32, Bytes::new(b"x"))).unwrap();
    all::<()>(deployment, each("uploads_put_chunk", &put));
    let hash = sha256(b"x");
    let finish = |session: u64| encode_args((session, Bytes::new(&hash), 1u64)).unwrap();
    all::<UploadFinishResult>(deployment, each("uploads_finish", &finish));
    capsules
}

fn begin(n: usize, capsule: &str, name: &str) -> (Principal, &'static str, Vec<u8>) {
    let spec = UploadSpec::document(name, 1);
    let (chunks, key) = (spec.expected_chunks, &spec.idempotency_key);
    let args = encode_args((capsule, &spec.metadata, chunks, key));
    (owner(n), "uploads_begin", args.unwrap())
}

/// Release 0.1.0 had no indexes of idle sessions, and knew nobody's finished uploads. The upgrade
/// leaves both to the timer.
#[test]
fn ten_thousand_open_sessions_hold_up_no_upgrade() {
    let of_empty = upgrade(&released());
    let deployment = released();
    let capsules = commit_all(&deployment);
    let begins = (0..OWNERS * HELD).map(|n| {
        let (n, file) = (n / HELD, n % HELD);
        begin(n, &capsules[n], &format!("file {file}"))
    });
    let open: Vec<u64> = all(&deployment, begins.collect());
    assert_eq!(open.len(), OWNERS * HELD);

    let spent = upgrade(&deployment);
    check_upgrade(
        "10,000 open sessions of release 0.1.0",
        spent,
        of_empty,
        MOST,
    );
    let operator = deployment.client(deployment.controller);
    let holders = || -> Vec<SessionHolder> { operator.query("sessions_holders", ()).unwrap() };
    clear(&deployment);
    let first = deployment.client(owner(0));
    let last = first.list().unwrap().len();
    assert_eq!(last, HELD + 1);
    let mut turns = 0;
    loop {
        let before = costs(&deployment).executions;
        deployment.pic.tick();
        if costs(&deployment).executions == before {
            break;
        }
        turns += 1;
    }
    let largest = costs(&deployment).largest_execution;
    println!("indexed in {turns} messages, the largest has {largest} instructions");
    assert!(
        largest <= MOST,
        "{largest} instructions, expected at most {MOST}"
    );
    assert!(turns > 1, "the timer did it");
    let holders = holders();
    assert_eq!(holders.len(), 100, "as many as it shows");
    assert!(
        holders
            .iter()
            .all(|holder| holder.known && holder.sessions == HELD as u32)
    );

    // The next upgrade has nothing left to do.
    let of_new = upgrade(&deploy());
    let spent = upgrade(&deployment);
    check_upgrade("10,000 open sessions", spent, of_new, MOST / 100);
}
