//! Finds the metrics that an expression of PromQL names.

use std::collections::BTreeSet;

/// Words that stand where a metric may stand.
const WORDS: [&str; 18] = [
    "and", "avg", "bool", "bottomk", "count", "group", "inf", "max", "min", "nan", "offset", "or",
    "quantile", "stddev", "stdvar", "sum", "topk", "unless",
];

/// Words before a list of labels.
const BEFORE_LABELS: [&str; 6] = [
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];

/// The names of metrics and of recorded series. Functions, labels and durations are none.
pub fn names(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' | '\'' => after(&rest[1..], first),
            '{' => after_selector(&rest[1..]),
            '[' => after(rest, ']'),
            '$' => &rest[1 + word_length(&rest[1..])..],
            c if c.is_ascii_digit() => &rest[word_length(rest)..],
            c if is_inside(c) => {
                let (word, behind) = rest.split_at(word_length(rest));
                let called = behind.trim_start().starts_with('(');
                let known = WORDS.contains(&word.to_lowercase().as_str());
                if BEFORE_LABELS.contains(&word) {
                    match called {
                        true => after(behind, ')'),
                        false => behind,
                    }
                } else {
                    if !called && !known {
                        found.insert(word.to_string());
                    }
                    behind
                }
            }
            c => &rest[c.len_utf8()..],
        };
    }
    found
}

fn is_inside(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_inside(c)).unwrap_or(text.len())
}

fn after(text: &str, end: char) -> &str {
    text.find(end).map_or("", |at| &text[at + end.len_utf8()..])
}

/// The text behind the matchers of labels. Their values may contain braces.
fn after_selector(mut text: &str) -> &str {
    while let Some(at) = text.find(['}', '"']) {
        let behind = &text[at + 1..];
        if text[at..].starts_with('}') {
            return behind;
        }
        text = after(behind, '"');
    }
    ""
}

#[test]
fn names_are_found_in_any_expression() {
    for (expression, expected) in [
        ("up", &["up"][..]),
        ("rate(a_total{reason!~\"x}y|z\"}[5m]) > 0", &["a_total"]),
        (
            "sum by (job, instance) (a) / on (b) group_left () c",
            &["a", "c"],
        ),
        (
            "a:b:rate1h offset 1d and d unless on (e) f == 1",
            &["a:b:rate1h", "d", "f"],
        ),
        ("predict_linear(a[2d], 7 * 86400) < 20e12", &["a"]),
        ("increase(a[$__rate_interval]) or vector(0)", &["a"]),
        ("max without (state) (a{state=\"active\"})", &["a"]),
    ] {
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(names(expression), expected, "{expression}");
    }
}
