//! Reads the files in `ops/`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub fn ops() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops")
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn yaml_in(folder: &str) -> Vec<PathBuf> {
    let folder = ops().join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yml"));
    files.sort();
    assert!(!files.is_empty(), "{folder:?} has no .yml files");
    files
}

pub fn rule_files() -> Vec<PathBuf> {
    yaml_in("prometheus/rules")
}

pub fn test_files() -> Vec<PathBuf> {
    yaml_in("prometheus/tests")
}

/// The keys and values of a file of rules, in order. A value may be folded (`>-`).
fn fields(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let own = indent(line);
        let entry = line.trim_start().trim_start_matches("- ");
        let Some((key, value)) = entry.split_once(':').filter(|_| !entry.starts_with('#')) else {
            continue;
        };
        let mut value = value.trim().trim_matches('"').to_string();
        if value == ">-" {
            value.clear();
            while let Some(more) = lines.next_if(|line| indent(line) > own) {
                value.push_str(more.trim());
                value.push(' ');
            }
        }
        found.push((key.to_string(), value.trim().to_string()));
    }
    found
}

fn values(path: &Path, key: &str) -> Vec<String> {
    let all = fields(&read(path)).into_iter();
    all.filter(|(name, _)| name == key)
        .map(|(_, value)| value)
        .collect()
}

/// The names of the series that a file of rules makes.
pub fn recorded(path: &Path) -> Vec<String> {
    values(path, "record")
}

pub fn expressions(path: &Path) -> Vec<String> {
    values(path, "expr")
}

/// An alarm with its labels and annotations.
pub struct Alarm {
    pub name: String,
    pub fields: BTreeMap<String, String>,
}

pub fn alarms(path: &Path) -> Vec<Alarm> {
    let mut found: Vec<Alarm> = Vec::new();
    for (key, value) in fields(&read(path)) {
        if key == "alert" {
            let fields = BTreeMap::new();
            found.push(Alarm {
                name: value,
                fields,
            });
        } else if let Some(alarm) = found.last_mut() {
            alarm.fields.insert(key, value);
        }
    }
    found
}

/// The anchors of a page's headings.
pub fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            heading.chars().filter(kept).collect::<String>()
        })
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

/// The dashboard of Grafana.
pub struct Dashboard(Value);

pub fn dashboard() -> Dashboard {
    let text = read(&ops().join("grafana/capsule-upload.json"));
    Dashboard(serde_json::from_str(&text).unwrap())
}

impl Dashboard {
    fn panels(&self) -> &[Value] {
        self.0["panels"].as_array().unwrap()
    }

    /// The expressions of all panels and annotations.
    pub fn expressions(&self) -> Vec<String> {
        let targets = self
            .panels()
            .iter()
            .filter_map(|panel| panel["targets"].as_array());
        let annotations = self.0["annotations"]["list"].as_array().unwrap();
        let all = targets.flatten().chain(annotations);
        all.map(|target| target["expr"].as_str().unwrap().to_string())
            .collect()
    }

    /// Checks what Grafana needs: an id of the dashboard, a variable for the data source that every
    /// panel uses, ids that differ, and panels that don't lie on each other.
    pub fn check(&self) {
        assert_eq!(self.0["uid"], "capsule-upload");
        let variable = &self.0["templating"]["list"][0];
        assert_eq!(variable["name"], "datasource");
        assert_eq!(variable["type"], "datasource");
        assert_eq!(variable["query"], "prometheus");
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in self.panels() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id");
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{title} is too wide");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{title} lies on another panel");
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(!panel["description"].as_str().unwrap().is_empty());
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{title} shows nothing");
            for used in targets.iter().chain([panel]) {
                assert_eq!(used["datasource"]["uid"], "${datasource}", "{title}");
            }
        }
    }
}
