//! The files that git tracks.

use crate::outcome::Result;
use crate::{layout, process};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

const GIT_LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Rust,
    JavaScript,
    Shell,
    Markdown,
    Toml,
    Yaml,
    Json,
    Candid,
    /// Written by a package manager.
    Lock,
    Other,
}

pub struct File {
    /// Relative to the workspace's folder, with `/`.
    pub path: String,
    pub text: String,
    pub language: Language,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        Self {
            path: path.to_string(),
            text,
            language: language(path),
        }
    }

    /// Whether the file holds code that people write.
    pub fn is_source(&self) -> bool {
        use Language::{JavaScript, Rust, Shell};
        matches!(self.language, Rust | JavaScript | Shell)
    }

    /// The path without the file's name; empty at the root.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

fn language(path: &str) -> Language {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if matches!(name, "Cargo.lock" | "package-lock.json") {
        return Language::Lock;
    }
    match extension {
        "rs" => Language::Rust,
        "js" | "mjs" | "ts" => Language::JavaScript,
        "sh" => Language::Shell,
        _ if path == ".ci/run" => Language::Shell,
        "md" => Language::Markdown,
        "toml" => Language::Toml,
        "yaml" | "yml" => Language::Yaml,
        "json" => Language::Json,
        "did" => Language::Candid,
        _ => Language::Other,
    }
}

/// All files in order, and the folders that hold them.
pub struct Tree {
    files: Vec<File>,
    folders: BTreeSet<String>,
}

impl Tree {
    /// Reads the files that git tracks. A file that was deleted but not committed is left out.
    pub fn of_git() -> Result<Self> {
        let mut command = Command::new("git");
        command.args(["ls-files", "-z"]).current_dir(layout::root());
        let list = process::run_quietly(&mut command, GIT_LIMIT)
            .map_err(|e| format!("{e}, expected git and a repository to list the files"))?;
        let mut files = Vec::new();
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let full = layout::root().join(path);
            if !full.is_file() {
                continue;
            }
            let bytes = std::fs::read(&full).map_err(|e| format!("cannot read {path}: {e}"))?;
            // A file that is no text has a path, but nothing to check.
            let text = String::from_utf8(bytes).unwrap_or_default();
            files.push(File::new(path, text));
        }
        Ok(Self::new(files))
    }

    /// A tree for tests: paths and texts.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File::new(path, text.to_string());
        Self::new(files.iter().map(file).collect())
    }

    fn new(mut files: Vec<File>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut folders = BTreeSet::new();
        for file in &files {
            let mut folder = file.folder();
            while !folder.is_empty() && folders.insert(folder.to_string()) {
                folder = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
            }
        }
        Self { files, folders }
    }

    pub fn files(&self) -> &[File] {
        &self.files
    }

    pub fn of_language(&self, language: Language) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |f| f.language == language)
    }

    pub fn file(&self, path: &str) -> Option<&File> {
        let found = self.files.binary_search_by(|f| f.path.as_str().cmp(path));
        found.ok().map(|index| &self.files[index])
    }

    pub fn has_folder(&self, path: &str) -> bool {
        self.folders.contains(path)
    }

    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_and_folders_follow_from_them() {
        let tree = Tree::of(&[("b/c/d.rs", ""), ("a.md", "")]);
        assert_eq!(tree.file("a.md").unwrap().language, Language::Markdown);
        assert!(tree.file("a.rs").is_none());
        assert!(tree.has_folder("b") && tree.has_folder("b/c"));
        assert!(!tree.has_folder("c") && !tree.has_folder(""));
    }

    #[test]
    fn the_name_decides_the_language() {
        for (path, expected) in [
            ("a/b.rs", Language::Rust),
            (".ci/run", Language::Shell),
            ("x/run", Language::Other),
            ("Cargo.lock", Language::Lock),
            ("tests/js/package-lock.json", Language::Lock),
            ("dfx.json", Language::Json),
            ("LICENSE", Language::Other),
        ] {
            assert_eq!(language(path), expected, "{path}");
        }
    }
}
