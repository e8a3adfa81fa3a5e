//! Sizes of pages and memories, and runs of neighbouring pages.

/// Bytes of an OS page, the unit of dirty tracking.
pub const PAGE: usize = 4096;
/// Bytes of a WebAssembly page.
pub const WASM_PAGE: usize = 65_536;
/// The largest heap of a 32-bit module, in bytes.
pub const HEAP_MAX: usize = 1 << 32;
/// The largest heap of a 64-bit module, in bytes. The platform's documentation lists it among the
/// resource limits.
pub const HEAP_MAX_64: usize = 6 << 30;
/// The largest stable memory, in bytes. Recorded were 8,192,000 pages of 64 KiB (500 GiB).
pub const STABLE_MAX: usize = 8_192_000 * WASM_PAGE;

/// Neighbouring pages of [`PAGE`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRun {
    pub first: usize,
    pub count: usize,
}

/// Joins sorted page numbers into runs.
pub fn runs(pages: impl IntoIterator<Item = usize>) -> Vec<PageRun> {
    let mut out: Vec<PageRun> = vec![];
    for page in pages {
        match out.last_mut() {
            Some(run) if run.first + run.count == page => run.count += 1,
            _ => out.push(PageRun {
                first: page,
                count: 1,
            }),
        }
    }
    out
}
