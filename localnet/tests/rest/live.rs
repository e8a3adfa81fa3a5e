//! Automatic progress, and instances at a port of their own.

use crate::client::{eventually, instance, raw, refusal, with_canister};
use candid::Principal;
use pocket_ic::Time;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

#[test]
fn automatic_progress_follows_the_wall_clock() {
    let pic = instance();
    let canister = with_canister(&pic);
    assert!(!pic.auto_progress_enabled());
    pic.auto_progress();
    assert!(pic.auto_progress_enabled());
    let begin = std::time::SystemTime::now() - Duration::from_secs(60);
    assert!(pic.get_time() > Time::from(begin));
    let id = pic.submit_call(canister, Principal::anonymous(), "fast", vec![]);
    assert!(pic.await_call_no_ticks(id.expect("is accepted")).is_ok());
    let message = refusal(|| pic.auto_progress());
    assert!(message.contains("already enabled"), "{message}");
    pic.stop_progress();
    assert!(!pic.auto_progress_enabled());
    let stopped = pic.get_time();
    // Nothing signals that no round comes, so this waits for several rounds' time. A slow machine
    // can't fail here.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(pic.get_time(), stopped);
}

#[test]
fn a_live_instance_is_served_at_a_port_of_its_own_until_it_is_stopped() {
    let mut pic = instance();
    let url = pic.make_live(None);
    let port = url.port().expect("is named");
    let connect = || TcpStream::connect(("127.0.0.1", port));
    assert!(connect().is_ok());
    // `localhost` may mean this address as well
    if TcpListener::bind("[::1]:0").is_ok() {
        TcpStream::connect(("::1", port)).expect("is open, too");
    }
    let (_, listed) = raw("GET", "/http_gateway", "", "");
    assert!(listed.contains(&format!("\"port\":{port}")), "{listed}");
    // a port in use is an error
    let other = instance();
    let same = format!(
        r#"{{"port":{port},"forward_to":{{"PocketIcInstance":{}}}}}"#,
        other.instance_id()
    );
    let (status, body) = raw(
        "POST",
        "/http_gateway",
        "content-type: application/json\r\n",
        &same,
    );
    assert!(status == 400 && body.contains("cannot listen"), "{body}");
    pic.stop_live();
    // The server has closed the port by now. Another process may get the same port for a moment.
    eventually("the port is closed", || connect().err());
}
