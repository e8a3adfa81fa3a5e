//! The list of a capsule's memories: filtered and sorted on this machine.

use crate::arguments::{ListOptions, SortKey};
use crate::dates::date;
use crate::failure::Outcome;
use crate::network::gateway::Gateway;
use crate::output::{self, Output};
use capsule_shared::memory_index::MemoryHeader;
use serde_json::json;

pub struct List {
    pub gateway: Gateway,
    pub output: Output,
    pub options: ListOptions,
}

impl List {
    /// Lists the memories of a capsule, oldest first unless the options say otherwise.
    pub async fn run(&self, capsule: &str) -> Outcome {
        let at_once = self.options.sort.is_none() && !self.options.reverse;
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.gateway.memories(capsule, cursor.as_deref()).await?;
            let chosen = page.memories.into_iter();
            let chosen = chosen.filter(|memory| self.options.chooses(memory));
            match at_once {
                true => chosen.for_each(|memory| self.entry(&memory)),
                false => found.extend(chosen),
            }
            cursor = page.next;
            if cursor.is_none() || output::is_broken() {
                break;
            }
        }
        self.options.arrange(&mut found);
        found.iter().for_each(|memory| self.entry(memory));
        Ok(())
    }

    fn entry(&self, memory: &MemoryHeader) {
        let sha256 = hex::encode(&memory.sha256);
        let MemoryHeader {
            id,
            name,
            mime_type,
            size,
            ..
        } = memory;
        let text = match self.options.long {
            true => format!(
                "{id}  {size:>14}  {}  {sha256}  {}  {mime_type}  {name}",
                date(memory.uploaded_at),
                memory.uploaded_by
            ),
            false => format!("{id}  {size:>14}  {mime_type}  {name}"),
        };
        self.output.result(
            &text,
            json!({
                "memory": id,
                "name": name,
                "path": memory.path,
                "parent": memory.parent,
                "created_at_ns": memory.created_at,
                "mime_type": mime_type,
                "bytes": size,
                "sha256": sha256,
                "blob": memory.blob_id,
                "uploaded_by": memory.uploaded_by.to_text(),
                "uploaded_at_ns": memory.uploaded_at,
            }),
        );
    }
}

impl ListOptions {
    fn chooses(&self, memory: &MemoryHeader) -> bool {
        let at = memory.uploaded_at;
        self.name
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(&memory.name))
            && self.since.is_none_or(|period| at >= period.start)
            && self.until.is_none_or(|period| at < period.end)
    }

    /// Sorts memories that are oldest first. Equal ones keep their order.
    fn arrange(&self, memories: &mut [MemoryHeader]) {
        match self.sort {
            Some(SortKey::Name) => memories.sort_by(|a, b| a.name.cmp(&b.name)),
            Some(SortKey::Date) => memories.sort_by_key(|memory| memory.uploaded_at),
            Some(SortKey::Size) => memories.sort_by_key(|memory| memory.size),
            None => {}
        }
        if self.reverse {
            memories.reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use candid::Principal;
    use clap::Parser;

    const DAY: u64 = 86_400_000_000_000;

    fn options(arguments: &[&str]) -> ListOptions {
        let all = [&["capsule", "ls"], arguments].concat();
        match Arguments::try_parse_from(all).unwrap().command {
            Command::Ls { options, .. } => options,
            _ => panic!("another command"),
        }
    }

    /// Memories with names, sizes, and days since 1970.
    fn memories() -> Vec<MemoryHeader> {
        let memory = |(name, size, day): (&str, u64, u64)| MemoryHeader {
            id: format!("mem_{day}"),
            name: name.into(),
            mime_type: "image/jpeg".into(),
            size,
            sha256: vec![1; 32].into(),
            blob_id: "blob_1".into(),
            uploaded_by: Principal::anonymous(),
            uploaded_at: day * DAY,
            asset_type: None,
            created_at: None,
            path: None,
            parent: None,
        };
        [
            ("b.jpg", 2, 0),
            ("a.jpg", 3, 1),
            ("c.txt", 1, 2),
            ("a/d.jpg", 2, 3),
        ]
        .map(memory)
        .into()
    }

    fn listed(arguments: &[&str]) -> Vec<String> {
        let options = options(arguments);
        let mut found = memories();
        found.retain(|memory| options.chooses(memory));
        options.arrange(&mut found);
        found.into_iter().map(|memory| memory.name).collect()
    }

    #[test]
    fn memories_are_sorted_by_each_key_and_equal_ones_keep_their_order() {
        assert_eq!(listed(&[]), ["b.jpg", "a.jpg", "c.txt", "a/d.jpg"]);
        assert_eq!(
            listed(&["--reverse"]),
            ["a/d.jpg", "c.txt", "a.jpg", "b.jpg"]
        );
        assert_eq!(
            listed(&["--sort", "name"]),
            ["a.jpg", "a/d.jpg", "b.jpg", "c.txt"]
        );
        assert_eq!(
            listed(&["--sort", "size"]),
            ["c.txt", "b.jpg", "a/d.jpg", "a.jpg"]
        );
        assert_eq!(
            listed(&["--sort", "date", "--reverse"]),
            ["a/d.jpg", "c.txt", "a.jpg", "b.jpg"]
        );
    }

    #[test]
    fn memories_are_chosen_by_name_and_date() {
        assert_eq!(listed(&["--name", "*.jpg"]), ["b.jpg", "a.jpg", "a/d.jpg"]);
        assert_eq!(listed(&["--name", "[ab].jpg"]), ["b.jpg", "a.jpg"]);
        assert_eq!(listed(&["--name", "b.jpg"]), ["b.jpg"]);
        let days = ["--since", "1970-01-02", "--until", "1970-01-03"];
        assert_eq!(listed(&days), ["a.jpg", "c.txt"]);
        assert_eq!(
            listed(&["--until", "1970-01-01T00:00:00Z", "--name", "?.*"]),
            ["b.jpg"]
        );
        let wrong = ["capsule", "ls", "--name", "a["];
        assert!(Arguments::try_parse_from(wrong).is_err());
    }
}
