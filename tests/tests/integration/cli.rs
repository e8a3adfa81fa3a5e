//! `capsule`, the command-line client, as a person or a script runs it, against the live network.

use crate::bytes;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tools::deployment::{Deployment, Part, deploy};
use tools::engine::program;

/// A machine with the client, the live network, and an identity.
struct Machine {
    deployment: Deployment,
    folder: TempDir,
}

fn machine() -> Machine {
    let mut deployment = deploy();
    let url = deployment.pic.make_live(None).to_string();
    let machine = Machine {
        folder: TempDir::new().unwrap(),
        deployment,
    };
    std::fs::create_dir(machine.path("home")).unwrap();
    let status = reqwest::blocking::get(format!("{url}api/v2/status")).unwrap();
    let status: serde_cbor::Value = serde_cbor::from_slice(&status.bytes().unwrap()).unwrap();
    let serde_cbor::Value::Map(status) = status else {
        panic!("a status is a map");
    };
    let serde_cbor::Value::Bytes(key) = &status[&serde_cbor::Value::Text("root_key".into())] else {
        panic!("a key is bytes");
    };
    machine.tell(&url, key);
    machine.done(&["identity", "--new"]);
    machine
}

impl Machine {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tell(&self, url: &str, root_key: &[u8]) {
        let text = json!({
            "url": url,
            "root_key": root_key.iter().map(|b| format!("{b:02x}")).collect::<String>(),
            "upload_gateway": self.deployment.gateway.to_text(),
            "blob_store": self.deployment.blob_store.to_text(),
            "memory_index": self.deployment.memory_index.to_text(),
        });
        std::fs::write(self.path("home/local.json"), text.to_string()).unwrap();
    }

    fn file(&self, name: &str, length: usize, seed: u64) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes(length, seed)).unwrap();
        path
    }

    /// The names of files here that begin so.
    fn beginning_with(&self, begin: &str) -> Vec<String> {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(begin))
            .collect()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("CAPSULE_HOME", self.path("home"))
            .env_remove("CAPSULE_NETWORK")
            .env_remove("CAPSULE_GATEWAY")
            .env_remove("CAPSULE_IDENTITY")
            .env_remove("CAPSULE_ROOT_KEY");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(program("capsule"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// What a command that must succeed prints.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with `--json`: an object for each line.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.done(&[&["--json"], arguments].concat());
        let lines = printed.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits until the newest upload has so many bytes.
    #[track_caller]
    fn wait_until_received(&self, bytes: u64) {
        let started = Instant::now();
        loop {
            let status = self.json(&["status"]);
            let received = status
                .first()
                .map(|s| s["received_bytes"].as_u64().unwrap());
            if received.is_some_and(|received| received > bytes) {
                return;
            }
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(60), "nothing is sent");
        }
    }

    /// What a command says that must fail with this exit code.
    #[track_caller]
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("error: "), "{said}");
        said
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_file_goes_up_is_listed_comes_back_and_is_deleted() {
    let machine = machine();
    let photo = machine.file("photo.jpg", 4_000_000, 1);
    let uploaded = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(uploaded["bytes"], 4_000_000);
    assert_eq!(uploaded["sent_chunks"], 3);
    let memory = uploaded["memory"].as_str().unwrap();

    let listed = &machine.json(&["ls"])[0];
    assert_eq!(listed["memory"], memory);
    assert_eq!(listed["name"], "photo.jpg");
    assert_eq!(listed["mime_type"], "image/jpeg");
    assert_eq!(listed["sha256"], uploaded["sha256"]);
    assert_eq!(machine.json(&["capsules"])[0]["memories"], 1);
    assert_eq!(machine.json(&["status"])[0]["state"], "committed");

    // the same again sends nothing and is the same memory
    let again = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(
        (&again["memory"], &again["sent_chunks"]),
        (&uploaded["memory"], &json!(0))
    );

    // there is a file of that name already
    machine.fails(1, &["download", memory]);
    std::fs::remove_file(&photo).unwrap();
    machine.done(&["download", memory]);
    assert!(std::fs::read(&photo).unwrap() == bytes(4_000_000, 1));
    machine.done(&["verify", memory, text(&photo)]);
    let other = machine.file("other.jpg", 4_000_000, 2);
    assert!(
        machine
            .fails(7, &["verify", memory, text(&other)])
            .contains("differs")
    );

    machine.done(&["rm", memory]);
    assert!(machine.json(&["ls"]).is_empty());
    assert!(
        machine
            .fails(4, &["download", memory])
            .contains("not found")
    );

    // what was deleted can be uploaded again: it is a new memory then, not the answer of the first
    // time
    let anew = &machine.json(&["upload", text(&photo)])[0];
    assert_eq!(anew["sent_chunks"], 3);
    assert_ne!(anew["memory"], memory);
    assert_eq!(machine.json(&["ls"])[0]["memory"], anew["memory"]);
    machine.done(&["verify", anew["memory"].as_str().unwrap(), text(&photo)]);
}

#[test]
fn several_files_go_up_at_once_and_one_that_fails_keeps_none_of_the_others() {
    let machine = machine();
    let good: Vec<PathBuf> = (0..3)
        .map(|i| machine.file(&format!("f{i}"), 2_000_000 + i as usize, i))
        .collect();
    let empty = machine.file("empty", 0, 0);
    let all: Vec<&str> = ["upload"]
        .into_iter()
        .chain(good.iter().map(|path| text(path)))
        .chain([text(&empty), "missing"])
        .collect();
    let said = machine.fails(1, &all);
    assert!(
        said.contains("empty: it has 0 bytes") && said.contains("missing: "),
        "{said}"
    );
    let mut names: Vec<String> = machine
        .json(&["ls"])
        .iter()
        .map(|memory| memory["name"].as_str().unwrap().to_string())
        .collect();
    names.sort();
    assert_eq!(names, ["f0", "f1", "f2"]);
}

#[test]
fn an_upload_outlasts_upgrades() {
    let machine = machine();
    let video = machine.file("video.mp4", 80 * 1_800_000, 9);
    let mut upload = machine.command(program("capsule"));
    let mut upload = upload.args(["upload", text(&video)]).spawn().unwrap();
    for (part, bytes) in Part::ALL
        .into_iter()
        .zip([3_600_000, 18_000_000, 36_000_000])
    {
        machine.wait_until_received(bytes);
        machine.deployment.upgrade(part);
        let status = upload.try_wait().unwrap();
        assert!(
            status.is_none(),
            "before it met {}: {status:?}",
            part.name()
        );
    }
    assert!(upload.wait().unwrap().success());
    let memory = &machine.json(&["ls"])[0]["memory"];
    machine.done(&["verify", memory.as_str().unwrap(), text(&video)]);
}

#[test]
fn a_killed_upload_goes_on_where_it_stopped() {
    let machine = machine();
    let chunks = 80;
    let video = machine.file("video.mp4", chunks * 1_800_000, 3);
    let mut child = machine
        .command(program("capsule"))
        .args(["upload", text(&video)])
        .spawn()
        .unwrap();
    machine.wait_until_received(3_600_000);
    // SIGKILL
    child.kill().unwrap();
    child.wait().unwrap();
    let pending = &machine.json(&["status"])[0];
    assert_eq!(pending["state"], "pending", "killed too late: {pending}");
    let uploaded = &machine.json(&["upload", text(&video)])[0];
    assert_eq!(uploaded["session"], pending["session"]);
    let sent = uploaded["sent_chunks"].as_u64().unwrap();
    assert!(sent < chunks as u64, "all {sent} chunks were sent again");
    let memory = uploaded["memory"].as_str().unwrap();
    machine.done(&["verify", memory, text(&video)]);
}

#[test]
fn a_file_that_changed_between_two_tries_is_refused_until_its_upload_is_given_up() {
    let machine = machine();
    let file = machine.file("album.zip", 40 * 1_800_000, 4);
    let mut child = machine
        .command(program("capsule"))
        .args(["upload", text(&file)])
        .spawn()
        .unwrap();
    let session = loop {
        if let Some(status) = machine.json(&["status"]).first() {
            break status["session"].to_string();
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::write(&file, bytes(40 * 1_800_000, 5)).unwrap();
    let said = machine.fails(1, &["upload", text(&file)]);
    assert!(
        said.contains("the file has changed since its upload began"),
        "{said}"
    );
    assert!(said.contains(&format!("capsule abort {session}")), "{said}");
    machine.done(&["abort", &session]);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    machine.done(&["verify", memory, text(&file)]);
}

#[test]
fn a_download_that_fails_leaves_nothing_behind() {
    let machine = machine();
    let file = machine.file("large.bin", 5_000_000, 6);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    // files may have 1 MB here, as on a disk that is full
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000; exec {} download {memory} -o back.bin",
        text(&program("capsule"))
    );
    let output = machine
        .command("bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(machine.beginning_with(".back.bin"), Vec::<String>::new());
    assert_eq!(machine.beginning_with("back.bin"), Vec::<String>::new());
}

#[test]
fn an_interrupted_download_leaves_nothing_behind() {
    let machine = machine();
    let file = machine.file("large.bin", 90_000_000, 10);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    let mut download = machine.command(program("capsule"));
    let mut download = download
        .args(["download", memory, "-o", "back.bin"])
        .spawn()
        .unwrap();
    while machine.beginning_with(".back.bin").is_empty() {
        assert_eq!(download.try_wait().unwrap(), None, "ended before it began");
    }
    let pid = rustix::process::Pid::from_child(&download);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(download.wait().unwrap().code(), Some(130));
    assert_eq!(machine.beginning_with(".back.bin"), Vec::<String>::new());
    assert_eq!(machine.beginning_with("back.bin"), Vec::<String>::new());
}

#[test]
fn who_has_no_right_or_no_key_is_told_so() {
    let machine = machine();
    let file = machine.file("mine.txt", 10, 7);
    let uploaded = &machine.json(&["upload", text(&file)])[0];
    let memory = uploaded["memory"].as_str().unwrap();
    let session = uploaded["session"].to_string();
    let pem = machine.path("stranger.pem");
    machine.done(&["--identity", text(&pem), "identity", "--new"]);
    let stranger = |arguments: &[&str]| {
        machine.fails(5, &[&["--identity", text(&pem)], arguments].concat());
    };
    stranger(&["download", memory, "-o", "stolen"]);
    stranger(&["rm", memory]);
    stranger(&["status", &session]);
    stranger(&["ls", "--capsule", "capsule-1"]);
    assert!(!machine.path("stolen").exists());
    machine.done(&["verify", memory, text(&file)]);

    // an identity is never replaced, and what is none is told
    machine.fails(1, &["identity", "--new"]);
    let bad = machine.file("bad.pem", 100, 8);
    let said = machine.fails(1, &["--identity", text(&bad), "ls"]);
    assert!(said.contains("is no identity"), "{said}");
    let said = machine.fails(1, &["--identity", "nothing.pem", "ls"]);
    assert!(said.contains("cannot read the identity"), "{said}");
    std::fs::remove_file(machine.path("home/identity.pem")).unwrap();
    assert!(machine.fails(1, &["ls"]).contains("capsule identity --new"));
}

#[test]
fn another_network_than_expected_is_noticed() {
    let machine = machine();
    let told = std::fs::read_to_string(machine.path("home/local.json")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    // the key of the Internet Computer is not this network's
    let ic = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e467db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae";
    machine.fails(7, &["--root-key", ic, "ls"]);
    let url = told["url"].as_str().unwrap();
    machine.fails(1, &["--network", url, "ls"]);
    let gateway = told["upload_gateway"].as_str().unwrap();
    machine.done(&["--network", url, "--gateway", gateway, "ls"]);
    let nobody = "http://127.0.0.1:1";
    machine.fails(
        6,
        &[
            "--network",
            nobody,
            "--gateway",
            gateway,
            "--patience",
            "1",
            "ls",
        ],
    );
    std::fs::remove_file(machine.path("home/local.json")).unwrap();
    assert!(machine.fails(1, &["ls"]).contains("cargo xtask up"));
}

#[test]
fn completions_and_help_need_no_network() {
    let machine = machine();
    std::fs::remove_dir_all(machine.path("home")).unwrap();
    assert!(machine.done(&["completions", "bash"]).contains("_capsule"));
    assert!(machine.done(&["--help"]).contains("Exit codes"));
    assert_eq!(machine.run(&["upload"]).status.code(), Some(2));
}
