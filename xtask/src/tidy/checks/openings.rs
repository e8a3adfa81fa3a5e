//! No sentence opens with a word that puts its subject last.
//!
//! These words are `Of`, `Who`, `What`, `Whose` and `Whoever` before a lower-case word. A question
//! may open with any word.
//!
//! `That` counts only where it begins a clause: before an article, a pronoun or a quantity ("That
//! the chunk is there …"), or before a plural with its verb ("That calls are …"). It may point at
//! something: "That network has three canisters."

use crate::tidy::finding::Finding;
use crate::tidy::read::prose::prose;
use crate::tidy::read::tree::Tree;

const WORDS: [&str; 5] = ["Of", "Who", "What", "Whose", "Whoever"];

/// After `That`, these words begin a clause.
const CLAUSE_WORDS: [&str; 27] = [
    "a",
    "all",
    "an",
    "any",
    "both",
    "each",
    "every",
    "everything",
    "he",
    "his",
    "i",
    "it",
    "its",
    "no",
    "nobody",
    "nothing",
    "our",
    "she",
    "some",
    "such",
    "the",
    "their",
    "there",
    "these",
    "they",
    "we",
    "you",
];

/// Verbs that a plural before them makes a clause after `That`.
const PLURAL_VERBS: [&str; 4] = ["are", "were", "have", "do"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.files() {
        for block in prose(file) {
            for (at, sentence) in sentences(&block.text) {
                if let Some(word) = bad_opening(sentence) {
                    let line = block.line + block.text[..at].matches('\n').count();
                    let begin: Vec<_> = sentence.split_whitespace().take(5).collect();
                    let text = format!(
                        "a sentence opens with `{word}` (\"{} …\"), expected its subject first",
                        begin.join(" ")
                    );
                    found.push(Finding::new(&file.path, line, text));
                }
            }
        }
    }
    found
}

/// The sentences of a text, each with the place where it begins.
fn sentences(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut ended = false;
    for (at, c) in text.char_indices() {
        if ended && c.is_whitespace() {
            found.push((start, &text[start..at]));
            start = at;
        }
        ended = matches!(c, '.' | '!' | '?' | ':') || (ended && matches!(c, '"' | ')' | '*' | '”'));
    }
    found.push((start, &text[start..]));
    let trimmed = found.into_iter().map(|(at, sentence)| {
        let rest = sentence.trim_start_matches(|c: char| c.is_whitespace() || "\"“(*_".contains(c));
        (at + sentence.len() - rest.len(), rest.trim_end())
    });
    trimmed
        .filter(|(_, sentence)| !sentence.is_empty())
        .collect()
}

fn bad_opening(sentence: &str) -> Option<&str> {
    if sentence
        .trim_end_matches(['"', ')', '*', '”'])
        .ends_with('?')
    {
        return None;
    }
    let mut words = sentence.split_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    if WORDS.contains(&first) {
        return second.starts_with(char::is_lowercase).then_some(first);
    }
    let third = words.next().unwrap_or_default();
    let plural = second.ends_with('s') && PLURAL_VERBS.contains(&third);
    let clause = CLAUSE_WORDS.contains(&second) || plural;
    (first == "That" && clause).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = check(&Tree::of(&[(path, text)]));
        found.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn openings_that_are_not_allowed() {
        for text in [
            "Of a session nobody is told.",
            "Who sends a body gets an answer.",
            "What `begin` made is kept.",
            "Whoever adds a field decides.",
            "Whose turn it is decides the queue.",
            "That the chunk is there is checked.",
            "That calls are repeated is fine.",
            "First this. What comes after that, and more.",
            "Note: Of two calls the later wins.",
            "(Of two calls the later wins.)",
            "**What it is**",
        ] {
            assert_eq!(lines("a.md", text), [1], "{text}");
        }
    }

    #[test]
    fn openings_that_are_fine() {
        for text in [
            "What happens after a retry?",
            "Is it so? Who knows what (if anything)?",
            "That network has three canisters.",
            "That is why. That one differs.",
            "What's new",
            "The sum of all. Offers are made.",
            "`Of` is a word.",
            "e.g. what it is",
        ] {
            assert_eq!(lines("a.md", text), Vec::<usize>::new(), "{text}");
        }
    }

    #[test]
    fn comments_and_strings_count_with_their_lines() {
        let source =
            "//! Fine.\n\n/// Fine,\n/// too. Of these, one.\nfn a() { b(\"What is it\") }\n";
        assert_eq!(lines("a.rs", source), [4, 5]);
        assert_eq!(lines("a.sh", "# Fine.\n# Who calls, waits.\n"), [2]);
        assert_eq!(
            lines("a.rs", "const OF: &str = \"of a\"; // of a"),
            [0usize; 0]
        );
    }
}
