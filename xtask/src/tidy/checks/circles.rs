//! No file imports, over any number of steps, a file that imports it.

use crate::tidy::finding::Finding;
use crate::tidy::read::modules::Edge;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Graph<'e> = BTreeMap<&'e str, BTreeMap<&'e str, &'e Edge>>;

pub fn check(edges: &[Edge]) -> Vec<Finding> {
    let mut graph = Graph::new();
    for edge in edges {
        let targets = graph.entry(&edge.from).or_default();
        targets.entry(&edge.to).or_insert(edge);
    }
    let mut found = Vec::new();
    let mut told = BTreeSet::new();
    for start in graph.keys().copied() {
        let Some(circle) = shortest_circle(&graph, start) else {
            continue;
        };
        // Each circle is told once, by the first of its files.
        if circle.iter().all(|file| told.contains(file)) {
            continue;
        }
        told.extend(circle.iter().copied());
        let edge = graph[circle[0]][circle[1 % circle.len()]];
        let mut names: Vec<_> = circle.iter().map(|path| short(path, &circle)).collect();
        names.push(names[0]);
        let text = format!(
            "imports go in a circle: {}, expected none",
            names.join(" -> ")
        );
        found.push(Finding::new(&edge.from, edge.line, text));
    }
    found
}

/// The files of the shortest circle through `start`, beginning there.
fn shortest_circle<'e>(graph: &Graph<'e>, start: &'e str) -> Option<Vec<&'e str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in graph.get(file).into_iter().flatten().map(|(to, _)| *to) {
            if next == start {
                let mut circle = vec![file];
                while let Some(previous) = before.get(circle[circle.len() - 1]) {
                    circle.push(previous);
                }
                circle.reverse();
                return Some(circle);
            }
            if !before.contains_key(next) {
                before.insert(next, file);
                open.push_back(next);
            }
        }
    }
    None
}

/// A path without the folders that all files of a circle share.
fn short<'e>(path: &'e str, all: &[&str]) -> &'e str {
    let folders = path.match_indices('/').map(|(at, _)| at + 1);
    let mut shared = folders.filter(|at| all.iter().all(|other| other.starts_with(&path[..*at])));
    &path[shared.next_back().unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &str)]) -> Vec<String> {
        let edge = |(line, (from, to)): (usize, &(&str, &str))| Edge {
            from: from.to_string(),
            to: to.to_string(),
            line,
            test: false,
        };
        let edges: Vec<_> = pairs.iter().enumerate().map(edge).collect();
        check(&edges).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn two_files_that_import_each_other() {
        assert_eq!(
            found(&[
                ("x/a.rs", "x/b.rs"),
                ("x/b.rs", "x/a.rs"),
                ("x/c.rs", "x/a.rs")
            ]),
            ["x/a.rs:0: imports go in a circle: a.rs -> b.rs -> a.rs, expected none"]
        );
    }

    #[test]
    fn a_circle_over_several_steps_is_told_once() {
        let found = found(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "c")]);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("a -> b -> c -> a"));
        assert!(found[1].contains("c -> d -> c"));
    }

    #[test]
    fn separate_circles_are_told_separately() {
        assert_eq!(
            found(&[("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")]).len(),
            2
        );
    }

    #[test]
    fn a_diamond_is_no_circle() {
        assert!(found(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]).is_empty());
    }
}
