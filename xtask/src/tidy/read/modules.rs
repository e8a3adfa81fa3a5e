//! The modules of each crate, and which file each path leads to.

use super::items::{Items, items};
use super::manifest::{Manifest, manifest};
use super::tree::{File, Language, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// A file or an inline module.
pub struct Module {
    pub file: String,
    /// Whether only tests compile it.
    pub test: bool,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Modules that have another name in this one.
    aliases: BTreeMap<String, usize>,
}

/// One library, program or test with its modules; the first one is the root.
pub struct Target {
    pub modules: Vec<Module>,
}

/// One use of a file by another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: String,
    pub to: String,
    pub line: usize,
    /// Whether only tests compile the file that uses the other one.
    pub test: bool,
}

/// All packages with their manifests, by folder.
pub fn packages(tree: &Tree) -> BTreeMap<String, Manifest> {
    tree.of_language(Language::Toml)
        .filter(|file| file.path.ends_with("Cargo.toml"))
        .map(|file| (file.folder().to_string(), manifest(&file.text)))
        .filter(|(_, manifest)| manifest.package.is_some())
        .collect()
}

/// The modules of all crates.
pub struct Modules {
    pub targets: Vec<Target>,
    pub edges: Vec<Edge>,
    /// All files that belong to some target.
    pub files: BTreeSet<String>,
}

impl Modules {
    /// Whether only tests compile the file.
    pub fn is_test(&self, path: &str) -> bool {
        let mut all = self.targets.iter().flat_map(|target| &target.modules);
        // The first module of a file is the whole file; inline modules follow.
        all.find(|module| module.file == path)
            .is_some_and(|module| module.test)
    }
}

pub fn modules(tree: &Tree) -> Modules {
    let parsed: BTreeMap<&str, Items> = tree
        .of_language(Language::Rust)
        .map(|file| (file.path.as_str(), items(&file.text)))
        .collect();
    let mut all = Modules {
        targets: Vec::new(),
        edges: Vec::new(),
        files: BTreeSet::new(),
    };
    for (package, manifest) in packages(tree) {
        for root in roots(tree, &package, &manifest) {
            let mut target = Target {
                modules: Vec::new(),
            };
            let test = root.path.starts_with(&within(&package, "tests/"));
            target.add(tree, &parsed, root, None, test);
            target.add_aliases(&parsed);
            target.add_edges(&parsed, &mut all.edges);
            let files = target.modules.iter().map(|module| module.file.clone());
            all.files.extend(files);
            all.targets.push(target);
        }
    }
    all
}

/// A path inside a package.
pub fn within(package: &str, path: &str) -> String {
    if package.is_empty() {
        path.to_string()
    } else {
        format!("{package}/{path}")
    }
}

/// The files that cargo compiles as the root of a target.
fn roots<'t>(tree: &'t Tree, package: &str, manifest: &Manifest) -> Vec<&'t File> {
    let prefix = within(package, "");
    let is_root = |path: &str| {
        let Some(path) = path.strip_prefix(&prefix) else {
            return false;
        };
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
            ["src", "bin", _] | ["src", "bin", _, "main.rs"] => true,
            ["tests" | "benches" | "examples", _] => true,
            ["tests" | "benches" | "examples", _, "main.rs"] => true,
            _ => manifest.targets.iter().any(|target| target == path),
        }
    };
    tree.of_language(Language::Rust)
        .filter(|file| is_root(&file.path))
        .collect()
}

impl Target {
    /// Adds a file's module and all modules below it.
    fn add(
        &mut self,
        tree: &Tree,
        parsed: &BTreeMap<&str, Items>,
        file: &File,
        parent: Option<usize>,
        test: bool,
    ) -> usize {
        let items = &parsed[file.path.as_str()];
        let own = self.push(&file.path, parent, test || items.test);
        let folder = folder_of_children(file, parent.is_none());
        for declared in &items.modules {
            // The scope is missing if it is a module of tests, which is left out.
            let Some(scope) = self.inner(own, &declared.scope) else {
                continue;
            };
            let test = self.modules[scope].test || declared.test;
            let child = if declared.inline {
                self.push(&file.path, Some(scope), test)
            } else {
                let inside = declared.scope.iter().map(|name| format!("{name}/"));
                let base = format!("{folder}{}{}", inside.collect::<String>(), declared.name);
                let paths = [format!("{base}.rs"), format!("{base}/mod.rs")];
                // The compiler reports a file that is missing.
                let Some(found) = paths.iter().find_map(|path| tree.file(path)) else {
                    continue;
                };
                self.add(tree, parsed, found, Some(scope), test)
            };
            let children = &mut self.modules[scope].children;
            children.insert(declared.name.clone(), child);
        }
        own
    }

    fn push(&mut self, file: &str, parent: Option<usize>, test: bool) -> usize {
        self.modules.push(Module {
            file: file.to_string(),
            test,
            parent,
            children: BTreeMap::new(),
            aliases: BTreeMap::new(),
        });
        self.modules.len() - 1
    }

    /// The outermost module of each file.
    fn files(&self) -> Vec<usize> {
        let own = |index: &usize| {
            let module = &self.modules[*index];
            module
                .parent
                .is_none_or(|parent| self.modules[parent].file != module.file)
        };
        (0..self.modules.len()).filter(own).collect()
    }

    fn inner(&self, module: usize, scope: &[String]) -> Option<usize> {
        scope.iter().try_fold(module, |module, name| {
            self.modules[module].children.get(name).copied()
        })
    }

    /// Notes which names in each module stand for another module.
    fn add_aliases(&mut self, parsed: &BTreeMap<&str, Items>) {
        for file in self.files() {
            for (scope, import) in &parsed[self.modules[file].file.as_str()].imports {
                let (Some(module), Some(name)) = (self.inner(file, scope), &import.name) else {
                    continue;
                };
                if let Some((found, true)) = self.resolve(module, &import.path) {
                    self.modules[module].aliases.insert(name.clone(), found);
                }
            }
        }
    }

    fn add_edges(&self, parsed: &BTreeMap<&str, Items>, edges: &mut Vec<Edge>) {
        for file in self.files() {
            let items = &parsed[self.modules[file].file.as_str()];
            let imports = items.imports.iter().map(|(s, i)| (s, &i.path, i.line));
            let qualified = items.qualified.iter().map(|(s, q)| (s, &q.path, q.line));
            for (scope, path, line) in imports.chain(qualified) {
                let module = self.inner(file, scope).unwrap_or(file);
                let Some((to, _)) = self.resolve(module, path) else {
                    continue;
                };
                let (from, to) = (&self.modules[file], &self.modules[to]);
                if from.file != to.file {
                    edges.push(Edge {
                        from: from.file.clone(),
                        to: to.file.clone(),
                        line,
                        test: from.test,
                    });
                }
            }
        }
    }

    /// The module that a path leads to, and whether the whole path is that module's name.
    ///
    /// An item, a re-export included, belongs to the module whose file names it.
    fn resolve(&self, from: usize, path: &[String]) -> Option<(usize, bool)> {
        let (first, rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.modules[from].parent?,
            name => {
                let module = &self.modules[from];
                *module
                    .children
                    .get(name)
                    .or_else(|| module.aliases.get(name))?
            }
        };
        for name in rest {
            let next = match name.as_str() {
                "super" => self.modules[module].parent,
                name => self.modules[module].children.get(name).copied(),
            };
            match next {
                Some(next) => module = next,
                None => return Some((module, false)),
            }
        }
        Some((module, true))
    }
}

/// The folder for the files of a module's children, with a final `/`.
fn folder_of_children(file: &File, root: bool) -> String {
    let folder = within(file.folder(), "");
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if root || name == "mod.rs" {
        folder
    } else {
        format!("{folder}{}/", name.trim_end_matches(".rs"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `from -> to` of each edge in a package `a`.
    fn edges(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![("a/Cargo.toml", "[package]\nname = \"a\"\n")];
        all.extend(files);
        let found = modules(&Tree::of(&all)).edges;
        let short = |path: &str| path.trim_start_matches("a/").to_string();
        let mut texts: Vec<_> = found
            .iter()
            .map(|edge| format!("{} -> {}", short(&edge.from), short(&edge.to)))
            .collect();
        texts.sort();
        texts.dedup();
        texts
    }

    #[test]
    fn paths_lead_to_files() {
        let found = edges(&[
            ("a/src/lib.rs", "mod b; mod d; use b::c::X;"),
            ("a/src/b/mod.rs", "pub mod c; use super::d;"),
            ("a/src/b/c.rs", "use crate::d::e::Y; pub struct X;"),
            (
                "a/src/d.rs",
                "pub mod e; pub use e::Y; fn f() { self::e::g() }",
            ),
            ("a/src/d/e.rs", "pub struct Y; use super::super::Z;"),
        ]);
        assert_eq!(
            found,
            [
                "src/b/c.rs -> src/d/e.rs",
                "src/b/mod.rs -> src/d.rs",
                "src/d.rs -> src/d/e.rs",
                "src/d/e.rs -> src/lib.rs",
                "src/lib.rs -> src/b/c.rs",
            ]
        );
    }

    #[test]
    fn a_re_export_belongs_to_the_file_that_names_it() {
        let found = edges(&[
            ("a/src/lib.rs", "mod b; mod d;"),
            ("a/src/b/mod.rs", "pub mod c; pub use c::X as Y;"),
            ("a/src/b/c.rs", "pub struct X;"),
            ("a/src/d.rs", "use crate::b::Y;"),
        ]);
        assert_eq!(
            found,
            ["src/b/mod.rs -> src/b/c.rs", "src/d.rs -> src/b/mod.rs"]
        );
    }

    #[test]
    fn a_module_under_another_name_is_followed() {
        let found = edges(&[
            (
                "a/src/main.rs",
                "mod b; mod d; use crate::b as x; fn f() { x::c::g() }",
            ),
            ("a/src/b.rs", "pub mod c;"),
            ("a/src/b/c.rs", "pub fn g() {}"),
            ("a/src/d.rs", "use std::b::c; fn f() { b::c::g() }"),
        ]);
        assert_eq!(
            found,
            ["src/main.rs -> src/b.rs", "src/main.rs -> src/b/c.rs"]
        );
    }

    #[test]
    fn inline_modules_have_a_parent_of_their_own() {
        let found = edges(&[
            ("a/src/lib.rs", "mod b; mod d;"),
            (
                "a/src/b.rs",
                "mod c { use super::super::d::X; mod e { use crate::Y; } }",
            ),
            ("a/src/d.rs", ""),
        ]);
        assert_eq!(found, ["src/b.rs -> src/d.rs", "src/b.rs -> src/lib.rs"]);
    }

    #[test]
    fn unit_tests_in_a_file_have_no_edges_and_files_of_tests_are_marked() {
        let tree = Tree::of(&[
            ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("a/src/lib.rs", "mod b; #[cfg(test)] mod tests;"),
            ("a/src/b.rs", "#[cfg(test)] mod tests { use crate::X; }"),
            ("a/src/tests.rs", "mod c; use crate::b::Y;"),
            ("a/src/tests/c.rs", "use super::d;"),
            ("a/tests/e.rs", ""),
        ]);
        let found = modules(&tree);
        assert!(found.edges.iter().all(|edge| edge.test));
        assert_eq!(found.edges.len(), 2);
        assert_eq!(found.files.len(), 5);
        assert!(found.targets[1].modules[0].test);
    }
}
