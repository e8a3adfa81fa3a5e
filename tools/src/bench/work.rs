//! The measured work in its order: uploads on an empty and a full store, in large and in small
//! chunks, deletions, and reads.

use super::row::Row;
use super::scene::{Scene, Size};
use crate::deployment::Deployment;

/// The row of an empty store.
pub const EMPTY: &str = "1 upload, nothing stored";
/// 21.6 MB in 12 chunks.
pub(super) const CHUNKS: u64 = 12;
/// 1 GB, including the last filling.
const FULL_CHUNKS: u64 = 556;
const FILLINGS: u64 = 4;
/// 360 MB: too much to hash in one message.
pub(super) const LONG_CHUNKS: u64 = 200;
/// Files in small chunks; the first has as many as a file can have.
const SMALL: [(&str, Size); 3] = [
    ("50 bytes", small(50, 16_384)),
    ("1 KiB", small(1_024, 4_000)),
    ("64 KiB", small(65_536, 305)),
];

const fn small(chunk: usize, chunks: u64) -> Size {
    Size { chunk, chunks }
}

/// All rows.
pub struct Measured {
    /// Uploads and deletions.
    pub stored: Vec<Row>,
    /// Queries.
    pub read: Vec<Row>,
}

impl Measured {
    /// Adds the rows of other work.
    pub fn extend(&mut self, other: Measured) {
        self.stored.extend(other.stored);
        self.read.extend(other.read);
    }
}

/// Does all the work on a fresh deployment. Calls `measured` after each row.
///
/// # Errors
/// When a call fails, or when the engine has no statistics.
pub fn measure(
    deployment: &Deployment,
    measured: &mut dyn FnMut(&str),
) -> Result<Measured, String> {
    let scene = Scene::prepare(deployment).map_err(|e| e.to_string())?;
    let mut stored = Rows::new(measured);
    fill(&scene, &mut stored)?;
    stored.add(scene.alone("1 upload, 1 GB stored", Size::full(CHUNKS))?.1);
    stored.add(scene.interleaved("4 interleaved, 1 GB stored", Size::full(CHUNKS))?);
    let long = Size::full(LONG_CHUNKS);
    let name = format!("1 out of order of {:.0} MB, 1 GB stored", long.mega());
    let (file, row) = scene.out_of_order(&name, long)?;
    stored.add(row);
    stored.add(scene.deletion("its deletion", long, &file)?);
    let name = format!("1 upload of {:.0} MB after the deletion", long.mega());
    let (file, row) = scene.alone(&name, long)?;
    stored.add(row);
    let mut files = vec![];
    for (chunk, size) in SMALL {
        let name = format!("{:.2} MB in chunks of {chunk}, 1 GB stored", size.mega());
        let (file, row) = scene.alone(&name, size)?;
        stored.add(row);
        files.push((chunk, size, file));
    }
    let stored = stored.rows;
    let mut read = Rows::new(measured);
    let name = |how: &str, size: Size, chunk: &str| {
        format!("{:.2} MB in chunks of {chunk}, by {how}", size.mega())
    };
    read.add(scene.in_chunks(&name("chunk", long, "1.8 MB"), long, &file)?);
    read.add(scene.in_ranges(&name("range", long, "1.8 MB"), long, &file)?);
    for (chunk, size, file) in files {
        read.add(scene.in_ranges(&name("range", size, chunk), size, &file)?);
    }
    Ok(Measured {
        stored,
        read: read.rows,
    })
}

/// Uploads until 1 GB is stored.
fn fill(scene: &Scene, rows: &mut Rows) -> Result<(), String> {
    let file = Size::full(CHUNKS);
    let all = |chunks: u64| format!("{:.0} MB stored", Size::full(chunks).mega());
    rows.add(scene.alone(EMPTY, file)?.1);
    rows.add(scene.interleaved(&format!("4 interleaved, {}", all(CHUNKS)), file)?);
    let mut stored = 5 * CHUNKS;
    let name = format!("1 out of order, {}", all(stored));
    rows.add(scene.out_of_order(&name, file)?.1);
    stored += CHUNKS;
    let step = Size::full((FULL_CHUNKS - stored) / FILLINGS);
    for _ in 0..FILLINGS {
        let name = format!("1 upload of {:.0} MB, {}", step.mega(), all(stored));
        rows.add(scene.alone(&name, step)?.1);
        stored += step.chunks;
    }
    Ok(())
}

/// The rows of one table, and who is told of each.
pub(super) struct Rows<'a> {
    pub(super) rows: Vec<Row>,
    measured: &'a mut dyn FnMut(&str),
}

impl<'a> Rows<'a> {
    pub(super) fn new(measured: &'a mut dyn FnMut(&str)) -> Self {
        Rows {
            rows: vec![],
            measured,
        }
    }

    pub(super) fn add(&mut self, row: Row) {
        (self.measured)(&row.name);
        self.rows.push(row);
    }
}
