//! Where each memory of a capsule is written below a folder.

use crate::local::folder::key;
use crate::local::folder::name::Rules;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The place that a memory asks for. Strangers may have chosen the texts.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The id of the memory.
    pub memory: &'a str,
    pub path: Option<&'a str>,
    pub name: &'a str,
}

impl Wanted<'_> {
    /// The text that says the relative path: the path, else the name, else the id.
    pub fn text(&self) -> &str {
        let path = self.path.unwrap_or_default();
        let named = |text: &&str| !key::names(text).is_empty();
        let texts = [path, self.name];
        texts.into_iter().find(named).unwrap_or(self.memory)
    }

    /// The relative path, if no other memory has the same one.
    fn alone(&self, rules: Rules) -> PathBuf {
        let names = key::names(self.text());
        let path: PathBuf = names.iter().map(|name| rules.safe(name)).collect();
        match path.as_os_str().is_empty() {
            true => PathBuf::from(rules.safe(self.memory.as_bytes())),
            false => path,
        }
    }
}

/// A relative path for each memory, all different. `wanted` is in the order of upload.
///
/// The newest memory of a path gets it. Each older one has its id in the name: `a (mem_3).jpg`. So
/// has a file whose path is the folder of another memory.
pub fn places(wanted: &[Wanted<'_>], rules: Rules) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = wanted.iter().map(|wanted| wanted.alone(rules)).collect();
    let folders: HashSet<OsString> = places
        .iter()
        .flat_map(|place| place.ancestors().skip(1))
        .map(|folder| same(folder, rules))
        .collect();
    let mut newest: HashMap<OsString, usize> = HashMap::new();
    for (index, place) in places.iter().enumerate() {
        newest.insert(same(place, rules), index);
    }
    newest.retain(|place, _| !folders.contains(place));
    let keeps = |place: &Path, index| newest.get(&same(place, rules)) == Some(&index);
    let others: Vec<usize> = (0..places.len())
        .filter(|index| !keeps(&places[*index], *index))
        .collect();
    let mut taken: HashSet<OsString> = newest.into_keys().chain(folders).collect();
    for index in others {
        let free = marks(wanted[index].memory)
            .map(|mark| with_mark(&places[index], &mark, rules))
            .find(|place| taken.insert(same(place, rules)))
            .expect("BUG: there are more marks than memories");
        places[index] = free;
    }
    places
}

/// The marks that tell a memory from others: its id, then its id and a number.
fn marks(memory: &str) -> impl Iterator<Item = String> {
    let numbered = (2u64..).map(move |number| format!("{number}, {memory}"));
    std::iter::once(memory.to_string()).chain(numbered)
}

fn with_mark(place: &Path, mark: &str, rules: Rules) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_os_string();
    place.with_file_name(rules.marked(&name, mark))
}

/// Equal for paths that name one file on this system.
fn same(place: &Path, rules: Rules) -> OsString {
    match rules.fold_case {
        true => place.to_string_lossy().to_lowercase().into(),
        false => place.as_os_str().to_os_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    const LINUX: Rules = Rules {
        windows: false,
        fold_case: false,
    };

    fn at<'a>(memory: &'a str, path: &'a str) -> Wanted<'a> {
        Wanted {
            memory,
            path: Some(path),
            name: "name",
        }
    }

    fn placed(wanted: &[Wanted<'_>]) -> Vec<String> {
        let places = places(wanted, LINUX);
        let text = |place: PathBuf| place.into_os_string().into_string().unwrap();
        places.into_iter().map(text).collect()
    }

    #[test]
    fn the_path_counts_then_the_name_then_the_id() {
        let wanted = |path, name| Wanted {
            memory: "mem_4",
            path,
            name,
        };
        assert_eq!(placed(&[wanted(Some("a/b.jpg"), "b.jpg")]), ["a/b.jpg"]);
        assert_eq!(placed(&[wanted(None, "b.jpg")]), ["b.jpg"]);
        assert_eq!(placed(&[wanted(Some("/../"), "b.jpg")]), ["b.jpg"]);
        assert_eq!(placed(&[wanted(None, "..")]), ["mem_4"]);
    }

    #[test]
    fn the_newest_memory_of_a_path_gets_it() {
        let wanted = [
            at("mem_1", "a.jpg"),
            at("mem_2", "/a.jpg"),
            at("mem_3", "b"),
        ];
        assert_eq!(placed(&wanted), ["a (mem_1).jpg", "a.jpg", "b"]);
    }

    #[test]
    fn a_mark_takes_no_place_of_another_memory() {
        let wanted = [
            at("mem_1", "a.jpg"),
            at("mem_2", "a.jpg"),
            at("mem_3", "a (mem_1).jpg"),
        ];
        let expected = ["a (2, mem_1).jpg", "a.jpg", "a (mem_1).jpg"];
        assert_eq!(placed(&wanted), expected);
    }

    #[test]
    fn a_file_makes_way_for_a_folder() {
        let wanted = [at("mem_1", "a/b/c"), at("mem_2", "a"), at("mem_3", "a/b")];
        assert_eq!(placed(&wanted), ["a/b/c", "a (mem_2)", "a/b (mem_3)"]);
    }

    #[test]
    fn where_case_does_not_count_two_files_have_two_names() {
        let rules = Rules {
            windows: true,
            fold_case: true,
        };
        let wanted = [
            at("mem_1", "A.jpg"),
            at("mem_2", "a.JPG"),
            at("mem_3", "X/b"),
            at("m", "x"),
        ];
        let places = places(&wanted, rules);
        let expected = ["A (mem_1).jpg", "a.JPG", "X/b", "x (m)"];
        assert_eq!(places, expected.map(PathBuf::from));
    }

    proptest! {
        #[test]
        fn places_differ_and_stay_inside(
            paths in prop::collection::vec("([aAb./\\\\\u{FFFD}E9\n]{0,4}|CON|\\PC{0,6})", 0..40),
            windows: bool,
        ) {
            let rules = Rules { windows, fold_case: windows };
            let ids: Vec<String> = (0..paths.len()).map(|i| format!("mem_{i}")).collect();
            let wanted: Vec<_> = paths.iter().zip(&ids).map(|(path, id)| at(id, path)).collect();
            let places = places(&wanted, rules);
            let files: HashSet<OsString> = places.iter().map(|p| same(p, rules)).collect();
            prop_assert_eq!(files.len(), paths.len());
            for place in &places {
                let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
                prop_assert!(place.components().next().is_some());
                prop_assert!(place.components().all(inside), "{:?}", place);
                for folder in place.ancestors().skip(1) {
                    prop_assert!(!files.contains(&same(folder, rules)), "{:?}", folder);
                }
            }
        }
    }
}
