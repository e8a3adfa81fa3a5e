//! The cells of a committed table in Markdown, and when a measured figure exceeds one.

/// The share by which a figure may exceed the committed one.
const TOLERANCE: f64 = 0.03;

/// The rounding step of a cell. Smaller differences don't count.
const STEP: f64 = 0.01;

pub fn exceeds(measured: f64, committed: f64) -> bool {
    measured > committed + committed.abs() * TOLERANCE + STEP
}

/// The cells of a line: so many texts, then so many figures. `None` for any other line.
pub fn cells(line: &str, texts: usize, figures: usize) -> Option<(Vec<String>, Vec<f64>)> {
    let words: Vec<&str> = line
        .trim()
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .collect();
    if words.len() != texts + figures {
        return None;
    }
    let (names, numbers) = words.split_at(texts);
    let numbers: Option<Vec<f64>> = numbers.iter().map(|word| word.parse().ok()).collect();
    Some((
        names.iter().map(|name| name.to_string()).collect(),
        numbers?,
    ))
}
