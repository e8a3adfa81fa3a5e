//! Inline code in Markdown names paths, tests and symbols that exist.
//!
//! The check looks only at code that has the form of a path (`session/service.rs`), of a name in
//! a module (`uploads::four_uploads_interleaved`), of a method, a type, a constant, or a function
//! with several words. In commands it looks at paths that begin at the root. It leaves changelogs
//! out, because they name what is gone.

use crate::tidy::checks::links::resolve;
use crate::tidy::finding::Finding;
use crate::tidy::read::markdown::{self, Block, Kind};
use crate::tidy::read::symbols::{Function, Symbols};
use crate::tidy::read::tree::{File, Language, Tree};

/// Names of others, and names that documents only mention, each with its reason.
const ALLOWED: [(&str, &str); 2] = [
    (
        concat!("Session", "Compat"),
        "the plan's layer that was never built",
    ),
    (
        concat!("UploadSession", "Meta"),
        "the plan's type that was never built",
    ),
];

/// Files with these endings are ours, so their names are checked even without a folder.
const OWN_ENDINGS: [&str; 8] = [
    ".rs", ".md", ".toml", ".did", ".sh", ".mjs", ".yaml", ".yml",
];

/// Folders that builds and tools make.
const MADE_FOLDERS: [&str; 3] = ["target", "node_modules", ".icp"];

pub fn check(tree: &Tree, symbols: &Symbols) -> Vec<Finding> {
    let documents = tree.of_language(Language::Markdown);
    let documents = documents.filter(|file| !file.path.ends_with("CHANGELOG.md"));
    documents
        .flat_map(|file| in_document(tree, symbols, file))
        .collect()
}

fn in_document(tree: &Tree, symbols: &Symbols, file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    // The headings of the columns of the table that is being read.
    let mut columns: Vec<String> = Vec::new();
    let mut last_row = None;
    for block in markdown::blocks(&file.text) {
        let parts: Vec<(Block, bool)> = match block.kind {
            Kind::Code => continue,
            Kind::Row => {
                let cells = block.cells();
                if last_row != Some(block.line - 1) {
                    columns = cells.iter().map(|cell| cell.text.clone()).collect();
                }
                last_row = Some(block.line);
                let headings = columns.iter().map(|name| name == "test" || name == "tests");
                let headings = headings.chain(std::iter::repeat(false));
                cells.into_iter().zip(headings).collect()
            }
            _ => vec![(block, false)],
        };
        for (part, tests) in parts {
            for code in part.inline_code() {
                for name in with_braces(&code.text) {
                    if let Some(text) = wrong(tree, symbols, file, &name, tests) {
                        found.push(Finding::new(&file.path, code.line, text));
                    }
                }
            }
        }
    }
    found
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn with_braces(code: &str) -> Vec<String> {
    let parts = code.split_once('{').and_then(|(before, rest)| {
        let (inside, after) = rest.split_once('}')?;
        inside.contains(',').then_some((before, inside, after))
    });
    match parts {
        Some((before, inside, after)) if !code.contains(' ') => inside
            .split(',')
            .flat_map(|one| with_braces(&format!("{before}{one}{after}")))
            .collect(),
        _ => vec![code.to_string()],
    }
}

fn wrong(tree: &Tree, symbols: &Symbols, file: &File, code: &str, tests: bool) -> Option<String> {
    if code.contains(' ') {
        let lost = |word: &&str| is_rooted_path(tree, word) && !path_exists(tree, file, word);
        if let Some(word) = code.split(' ').find(lost) {
            return Some(format!("`{word}` doesn't exist, expected a path of a file"));
        }
    }
    let name = code.split('(').next().unwrap_or(code);
    let is_name = |c: char| c == '_' || c == ':' || c.is_ascii_alphanumeric();
    if is_path(tree, code) {
        let exists = path_exists(tree, file, code);
        return (!exists).then(|| format!("`{code}` doesn't exist, expected a path of a file"));
    }
    // A call may have arguments of any form.
    let name = name.strip_suffix("::*").unwrap_or(name);
    let plain = !name.is_empty() && name.chars().all(is_name) && !name.ends_with(':');
    if !plain || ALLOWED.iter().any(|(allowed, _)| *allowed == name) {
        return None;
    }
    let path: Vec<&str> = name.split("::").collect();
    match path[..] {
        [one] if is_symbol(one) => {
            let shouted = one.chars().all(|c| !c.is_lowercase());
            let exists = symbols.words.contains(one)
                || symbols.functions.contains_key(one)
                || symbols
                    .modules
                    .iter()
                    .any(|path| path.last().is_some_and(|m| m == one))
                || (shouted && symbols.quoted.contains(one))
                || is_metric(symbols, one);
            (!exists).then(|| format!("`{one}` is unknown, expected a name in the source"))
        }
        [_] => None,
        [.., one] => wrong_in_module(symbols, &path[..path.len() - 1], one, tests),
        [] => None,
    }
}

/// Whether a metric has this name. The source writes metrics as strings, with or without the prefix
/// of their canister and the ending of counters.
fn is_metric(symbols: &Symbols, name: &str) -> bool {
    let bare = name.strip_suffix("_total").unwrap_or(name);
    symbols.packages.iter().any(|package| {
        let prefix = format!("{package}_");
        let inner = bare.strip_prefix(&prefix).unwrap_or(bare);
        [
            name.to_string(),
            inner.to_string(),
            format!("{prefix}{inner}"),
        ]
        .iter()
        .any(|form| symbols.quoted.contains(form))
    })
}

/// Whether a single word has the form of a constant, a type, or a name of several words.
fn is_symbol(word: &str) -> bool {
    let type_name = word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.contains(|c: char| c.is_ascii_lowercase());
    type_name || word.trim_matches('_').contains('_')
}

/// Whether code has the form of a path that git could track.
fn is_path(tree: &Tree, code: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || "<>…*$~@%:()=\"'#?".contains(c);
    if code.contains(odd) || code.starts_with('/') || code.starts_with("--") {
        return false;
    }
    let first = code
        .trim_start_matches("./")
        .split('/')
        .next()
        .unwrap_or_default();
    if MADE_FOLDERS.contains(&first) {
        return false;
    }
    let named = OWN_ENDINGS.iter().any(|ending| {
        code.strip_suffix(ending)
            .is_some_and(|stem| !stem.is_empty())
    });
    let folder = || {
        let part = |folder: &str| folder == first || folder.ends_with(&format!("/{first}"));
        tree.folders().any(part)
    };
    named || (code.contains('/') && (code.ends_with('/') || folder()))
}

/// Whether a word of a command has the form of a path that begins at the root.
fn is_rooted_path(tree: &Tree, word: &str) -> bool {
    let first = word.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| tree.has_folder(first)) && is_path(tree, word)
}

/// Whether a path leads somewhere from the root, from the document, or as the end of a path.
fn path_exists(tree: &Tree, file: &File, code: &str) -> bool {
    let path = code.trim_end_matches('/').trim_start_matches("./");
    let ending = format!("/{path}");
    let relative = resolve(file.folder(), code).unwrap_or_default();
    let is_it = |other: &str| other == path || other == relative || other.ends_with(&ending);
    tree.files().iter().any(|file| is_it(&file.path)) || tree.folders().any(is_it)
}

/// Checks `module::name`, `Type::method` and `crate::item`.
fn wrong_in_module(symbols: &Symbols, module: &[&str], name: &str, tests: bool) -> Option<String> {
    let first = module[0];
    let foreign = matches!(first, "std" | "core" | "alloc")
        || symbols.dependencies.iter().any(|crate_name| {
            !symbols.packages.contains(crate_name) && crate_name.replace('-', "_") == first
        });
    if foreign {
        return None;
    }
    let whole = [module, &[name]].concat();
    let shown = whole.join("::");
    let last = module[module.len() - 1];
    if last.starts_with(|c: char| c.is_ascii_uppercase()) {
        let exists = symbols.words.contains(last) && symbols.words.contains(name);
        return (!exists).then(|| format!("`{shown}` is unknown, expected a type and its member"));
    }
    if ends_of_modules(symbols, &whole) {
        return None;
    }
    let inside = |function: &&Function| ends_with(&function.module, module);
    let own: Vec<_> = symbols
        .functions
        .get(name)
        .into_iter()
        .flatten()
        .filter(inside)
        .collect();
    if tests {
        let test = own.iter().any(|function| function.test);
        return (!test).then(|| format!("`{shown}` is no test, expected one of that name"));
    }
    // A type or a constant of the module is only looked for in the whole source.
    let item = ends_of_modules(symbols, module)
        && symbols.words.contains(name)
        && !symbols.functions.contains_key(name);
    let exists = !own.is_empty() || item;
    (!exists).then(|| format!("`{shown}` is unknown, expected that name in that module"))
}

fn ends_of_modules(symbols: &Symbols, path: &[&str]) -> bool {
    symbols.modules.iter().any(|module| ends_with(module, path))
}

fn ends_with(module: &[String], path: &[&str]) -> bool {
    module.len() >= path.len()
        && module[module.len() - path.len()..]
            .iter()
            .zip(path)
            .all(|(own, part)| own == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::read::symbols::symbols;

    fn texts(document: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/a.md", document),
            (
                "c/Cargo.toml",
                "[package]\nname = \"c\"\n[dependencies]\nic-cdk = \"1\"\n",
            ),
            (
                "c/src/upload/begin.rs",
                "const MAX_LEN: u8 = 1; struct BlobSink; impl BlobSink { fn for_meta() {} }
                 fn run_it() { env(\"CAPSULE_HOME\") } #[test] fn keys_are_kept() {}",
            ),
            ("c/c.did", "service : { uploads_begin : () -> () }"),
        ]);
        let found = check(&tree, &symbols(&tree));
        found.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn names_that_exist() {
        for code in [
            "c/src/upload/begin.rs",
            "upload/begin.rs",
            "begin.rs",
            "src/upload/",
            "c/{src,c.did}",
            "a.md",
            "target/x/y.rs",
            "/proc/self/x.rs",
            "image/jpeg",
            "canisters/<name>.did",
            "begin::keys_are_kept",
            "upload::begin",
            "upload::begin::*",
            "begin::BlobSink",
            "BlobSink::for_meta",
            "MAX_LEN",
            "CAPSULE_HOME",
            "run_it()",
            "uploads_begin(capsule id, name)",
            "ic_cdk::api::time",
            "blob",
            "ERROR",
            "a b_c d",
            "cp c/src/upload docs/a.md c/src/x=y 1/2",
        ] {
            assert_eq!(
                texts(&format!("See `{code}`.")),
                Vec::<String>::new(),
                "{code}"
            );
        }
    }

    #[test]
    fn names_that_do_not() {
        for code in [
            "c/src/upload/end.rs",
            "upload/end.rs",
            "end.rs",
            "src/download/",
            "src/download",
            "c/{src,d.did}",
            "begin::keys_are_lost",
            "end::keys_are_kept",
            "upload::end",
            "BlobSink::for_data",
            "BlobSource",
            "Blob",
            "cd c/src/download",
            "MIN_LEN",
            "walk_it()",
            "uploads_end(session id)",
        ] {
            assert_eq!(texts(&format!("See `{code}`.")).len(), 1, "{code}");
        }
    }

    #[test]
    fn a_column_of_tests_names_tests_or_modules() {
        let table = |code: &str| texts(&format!("| a | test |\n| - | - |\n| `x` | `{code}` |"));
        assert_eq!(table("begin::keys_are_kept"), Vec::<String>::new());
        assert_eq!(table("upload::begin"), Vec::<String>::new());
        assert_eq!(table("begin::run_it").len(), 1);
    }

    #[test]
    fn metrics_are_known_with_and_without_prefix() {
        let tree = Tree::of(&[
            (
                "docs/a.md",
                "`c_open_calls` `open_calls` `chunk_bytes_total` `c_chunk_bytes_total` `lost_x`",
            ),
            ("c/Cargo.toml", "[package]\nname = \"c\"\n"),
            (
                "c/src/lib.rs",
                "fn f() { gauge(\"c_open_calls\"); counter(\"chunk_bytes\"); }",
            ),
        ]);
        let found = check(&tree, &symbols(&tree));
        assert_eq!(found.len(), 1);
        assert!(found[0].text.starts_with("`lost_x` is unknown"));
    }

    #[test]
    fn changelogs_may_name_what_is_gone() {
        let tree = Tree::of(&[("CHANGELOG.md", "`gone.rs`")]);
        assert!(check(&tree, &symbols(&tree)).is_empty());
    }
}
