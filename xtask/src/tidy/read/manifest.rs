//! Reads the few parts of `Cargo.toml` and `Cargo.lock` that the checks need.

use std::collections::{BTreeMap, BTreeSet};

/// A dependency on another crate.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    pub name: String,
    pub line: usize,
}

#[derive(Debug, Default)]
pub struct Manifest {
    /// `None` for the workspace's own file.
    pub package: Option<String>,
    /// For use, for tests and for builds alike.
    pub dependencies: Vec<Dependency>,
    /// The files that `path = "…"` gives for a library, a program or a test.
    pub targets: Vec<String>,
}

/// Reads a `Cargo.toml`.
pub fn manifest(text: &str) -> Manifest {
    let mut found = Manifest::default();
    let mut section = "";
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header
                .trim_start_matches('[')
                .split(']')
                .next()
                .unwrap_or_default();
            // `[dependencies.name]` is a dependency as well.
            if let Some((kind, name)) = section.rsplit_once('.')
                && is_dependencies(kind)
            {
                found.dependencies.push(dependency(name, number));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim().trim_matches('"'));
        if section == "package" && key == "name" {
            found.package = Some(value.to_string());
        } else if is_dependencies(section) {
            let name = key.split('.').next().unwrap_or(key);
            found.dependencies.push(dependency(name, number));
        } else if matches!(section, "lib" | "bin" | "test" | "bench") && key == "path" {
            found.targets.push(value.to_string());
        }
    }
    found
}

/// The name of a table of dependencies of one package, for all targets or for one.
fn is_dependencies(section: &str) -> bool {
    let kind = section.rsplit('.').next().unwrap_or(section);
    !section.starts_with("workspace")
        && matches!(
            kind,
            "dependencies" | "dev-dependencies" | "build-dependencies"
        )
}

fn dependency(name: &str, index: usize) -> Dependency {
    Dependency {
        name: name.trim_matches('"').to_string(),
        line: index + 1,
    }
}

/// The names of all crates that `package` needs, directly or not, according to a `Cargo.lock`.
///
/// Different versions of a crate count as one, so the answer may name a crate too many.
pub fn needed(lock: &str, package: &str) -> BTreeSet<String> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    let mut listing = false;
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if line == "dependencies = [" {
            listing = true;
        } else if line == "]" {
            listing = false;
        } else if listing {
            let entry = line.trim().trim_matches([',', '"']);
            let dependency = entry.split(' ').next().unwrap_or(entry);
            all.entry(name).or_default().push(dependency);
        }
    }
    let mut found = BTreeSet::new();
    let mut open = vec![package];
    while let Some(name) = open.pop() {
        for dependency in all.get(name).into_iter().flatten() {
            if found.insert((*dependency).to_string()) {
                open.push(dependency);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_of_every_kind_and_form() {
        let text = r#"
            [package]
            name = "a"
            [dependencies]
            # comment = "1"
            b.workspace = true
            c = { version = "1", features = ["d"] }
            [dev-dependencies.e]
            version = "1"
            [target.'cfg(unix)'.dependencies]
            f = "1"
            [[bin]]
            name = "g"
            path = "src/bin/g.rs"
        "#;
        let found = manifest(text);
        let names: Vec<_> = found.dependencies.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["b", "c", "e", "f"]);
        assert_eq!(found.dependencies[0].line, 6);
        assert_eq!(found.package.as_deref(), Some("a"));
        assert_eq!(found.targets, ["src/bin/g.rs"]);
    }

    #[test]
    fn the_workspaces_own_dependencies_belong_to_no_package() {
        let found = manifest("[workspace.dependencies]\na = \"1\"\n");
        assert!(found.package.is_none() && found.dependencies.is_empty());
    }

    #[test]
    fn needed_crates_are_followed_over_several_steps() {
        let lock = "[[package]]\nname = \"a\"\ndependencies = [\n \"b 1.0.0\",\n]\n\
                    [[package]]\nname = \"b\"\ndependencies = [\n \"c\",\n \"a\",\n]\n\
                    [[package]]\nname = \"d\"\ndependencies = [\n \"e\",\n]\n";
        let found: Vec<_> = needed(lock, "a").into_iter().collect();
        assert_eq!(found, ["a", "b", "c"]);
    }
}
