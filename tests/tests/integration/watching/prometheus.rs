//! Runs the programs `prometheus` and `promtool`.

use super::files::{ops, read, rule_files};
use crate::waiting::eventually;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tools::http;

/// How to get both programs.
const MISSING: &str = "expected Prometheus 2.42 or later: `apt-get install prometheus`";

/// The name of the job in the configuration.
const JOB: &str = "capsule-upload";

/// How often the running Prometheus asks the canisters, and how long they may take.
const SCRAPE: &str = "5s";

/// How long an alarm's condition holds before it fires.
const FOR: &str = "2s";

/// Runs `promtool` and returns what it prints.
///
/// # Panics
/// When it finds a fault, or isn't installed.
pub fn promtool(task: &[&str], files: &[PathBuf]) -> String {
    let output = Command::new("promtool").args(task).args(files).output();
    let output = output.unwrap_or_else(|e| panic!("`promtool` cannot be run ({e}), {MISSING}"));
    let [printed, said] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(
        output.status.success(),
        "promtool {task:?}: {printed}{said}"
    );
    printed
}

/// The addresses at which Prometheus would look with this configuration, and the label `instance`.
pub fn addresses(config: &Path) -> BTreeSet<(String, String)> {
    let task = ["check", "service-discovery", "--timeout=1s"];
    let arguments = [config.to_path_buf(), JOB.into()];
    // It prints the targets that it finds within the timeout.
    let found = eventually("the targets", || {
        let found: Value = serde_json::from_str(&promtool(&task, &arguments)).unwrap();
        found.as_array().filter(|all| all.len() == 3).cloned()
    });
    let address = |target: &Value| {
        let label = |key: &str| target["labels"][key].as_str();
        let parts = ["__scheme__", "__address__", "__metrics_path__", "instance"];
        let [scheme, host, path, instance] = parts.map(|key| label(key).unwrap());
        // Some versions add the port that the scheme has anyway.
        let host = host.trim_end_matches(":443");
        let canister = label("__param_canisterId").map(|id| format!("?canisterId={id}"));
        let address = format!("{scheme}://{host}{path}{}", canister.unwrap_or_default());
        (address, instance.to_string())
    };
    found.iter().map(address).collect()
}

/// The configuration after the change that its comments describe.
pub fn config_for_the_internet_computer() -> String {
    let text = read(&ops().join("prometheus/prometheus.yml"));
    let text = replaced(&text, "scheme: http\n", "scheme: https\n");
    let (begin, rest) = text.split_once("      # Local network: ").unwrap();
    let (_, rest) = rest.split_once("      # Internet Computer: ").unwrap();
    let (_, rules) = rest.split_once('\n').unwrap();
    let rules = rules.replace("      # ", "      ");
    assert!(
        rules.contains("- source_labels"),
        "no rule was found: {text}"
    );
    let all_rules = ops().join("prometheus/rules/*.yml");
    replaced(begin, "rules/*.yml", all_rules.to_str().unwrap()) + &rules
}

/// Replaces a part that is there once.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {text}");
    text.replace(from, to)
}

/// A running Prometheus. Its files are in a folder of its own.
pub struct Prometheus {
    child: Child,
    url: String,
    _folder: TempDir,
}

/// A target: the label `canister` and the id.
pub type Target<'a> = (&'a str, String);

impl Prometheus {
    /// Starts Prometheus with the project's configuration, in which only the ids, the address and
    /// the times are others.
    pub fn start(network: &str, targets: &[Target<'_>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, adapted_config(network, targets)).unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        for path in rule_files() {
            let to = folder.path().join("rules").join(path.file_name().unwrap());
            std::fs::write(to, with_short_times(&read(&path), &["for"], FOR)).unwrap();
        }
        loop {
            if let Some((child, url)) = started(&config, folder.path()) {
                let _folder = folder;
                return Self {
                    child,
                    url,
                    _folder,
                };
            }
        }
    }

    /// The data of an answer of the API.
    fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let mut url = reqwest::Url::parse(&self.url).unwrap().join(path).unwrap();
        url.query_pairs_mut().extend_pairs(query);
        let answer = http::client().get(url).send().unwrap();
        let text = answer.text().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(answer["status"], "success", "{path} {query:?}: {answer}");
        answer["data"].clone()
    }

    /// Each target with its health.
    pub fn targets(&self) -> Vec<Value> {
        let data = self.get("api/v1/targets", &[("state", "active")]);
        data["activeTargets"].as_array().unwrap().clone()
    }

    /// All rules of all groups.
    pub fn rules(&self) -> Vec<Value> {
        let data = self.get("api/v1/rules", &[]);
        let groups = data["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        rules.cloned().collect()
    }

    /// The alarms of this name that fire.
    pub fn firing(&self, name: &str) -> Vec<Value> {
        let data = self.get("api/v1/alerts", &[]);
        let mut alarms = data["alerts"].as_array().unwrap().clone();
        let is_it = |alarm: &Value| alarm["labels"]["alertname"] == name;
        alarms.retain(|alarm| is_it(alarm) && alarm["state"] == "firing");
        alarms
    }

    /// The samples of an expression.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let data = self.get("api/v1/query", &[("query", expression)]);
        data["result"].as_array().unwrap().clone()
    }
}

impl Drop for Prometheus {
    /// Both calls fail only when it has already ended.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts Prometheus on a port that is free now. `None` if it ended, as another program may have
/// taken the port meanwhile.
fn started(config: &Path, folder: &Path) -> Option<(Child, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let log_path = folder.join("log");
    let log = std::fs::File::create(&log_path).unwrap();
    let mut child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|e| match e.kind() {
            ErrorKind::NotFound => panic!("`prometheus` cannot be run ({e}), {MISSING}"),
            _ => panic!("`prometheus` cannot be run: {e}"),
        });
    let url = format!("http://{address}/");
    let runs = eventually("an answer of Prometheus", || {
        if let Some(status) = child.try_wait().unwrap() {
            let log = read(&log_path);
            let in_use = log.contains("address already in use");
            assert!(in_use, "Prometheus has ended with {status}: {log}");
            return Some(false);
        }
        let answer = http::client().get(format!("{url}-/ready")).send();
        answer
            .is_ok_and(|answer| answer.status().is_success())
            .then_some(true)
    });
    runs.then_some((child, url))
}

fn adapted_config(network: &str, targets: &[Target<'_>]) -> String {
    let text = read(&ops().join("prometheus/prometheus.yml"));
    let mut text = replaced(
        &text,
        "replacement: localhost:4943",
        &format!("replacement: {network}"),
    );
    for (canister, id) in targets {
        let placeholder = format!("{}_ID", canister.to_uppercase());
        text = replaced(&text, &placeholder, id);
    }
    let text = with_short_times(&text, &["scrape_interval", "scrape_timeout"], SCRAPE);
    with_short_times(&text, &["evaluation_interval"], "1s")
}

/// The same text with another time for these keys.
fn with_short_times(text: &str, keys: &[&str], time: &str) -> String {
    let line = |line: &str| {
        let key = keys.iter().find(|key| {
            let rest = line.trim_start().strip_prefix(**key);
            rest.is_some_and(|rest| rest.starts_with(':'))
        });
        match key {
            None => format!("{line}\n"),
            Some(key) => {
                let indent = line.len() - line.trim_start().len();
                format!("{}{key}: {time}\n", " ".repeat(indent))
            }
        }
    };
    text.lines().map(line).collect()
}
