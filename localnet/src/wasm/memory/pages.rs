//! Sizes of pages and memories, and runs of neighbouring pages.

/// What the IC calls an OS page: the unit of dirty tracking, bytes.
pub const PAGE: usize = 4096;
/// A WebAssembly page, bytes.
pub const WASM_PAGE: usize = 65_536;
/// The largest heap of a 32-bit module.
pub const HEAP_MAX: usize = 1 << 32;
/// The largest heap of a 64-bit module, from the table of resource limits in the platform's documentation.
pub const HEAP_MAX_64: usize = 6 << 30;
/// The largest stable memory, as recorded: 8,192,000 pages of 64 KiB (500 GiB).
pub const STABLE_MAX: usize = 8_192_000 * WASM_PAGE;

/// Neighbouring pages, in units of [`PAGE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRun {
    pub first: usize,
    pub count: usize,
}

/// Joins sorted page numbers to runs.
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
