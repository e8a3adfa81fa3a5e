//! The measured work on a store whose maps hold 100 GB.

use super::fill::fill;
use super::scene::{Scene, Size};
use super::work::{CHUNKS, LONG_CHUNKS, Measured, Rows};
use crate::deployment::Deployment;

/// The bytes of all blobs together.
const BYTES: u64 = 100_000_000_000;

/// Does all the work on a fresh deployment. Calls `measured` after each row.
///
/// # Errors
/// As [`measure`](super::measure), or when the store can't be filled.
pub fn measure_filled(
    deployment: &Deployment,
    measured: &mut dyn FnMut(&str),
) -> Result<Measured, String> {
    measured("filling the store's maps: 100 GB");
    fill(deployment, BYTES)?;
    let scene = Scene::prepare(deployment).map_err(|e| e.to_string())?;
    // The first message after an upgrade makes room, whatever the store holds.
    scene.alone("after the upgrade", Size::full(1))?;
    let (file, long) = (Size::full(CHUNKS), Size::full(LONG_CHUNKS));
    let mut stored = Rows::new(measured);
    let (uploaded, row) = scene.alone("1 upload, 100 GB stored", file)?;
    stored.add(row);
    stored.add(scene.interleaved("4 interleaved, 100 GB stored", file)?);
    stored.add(scene.out_of_order("1 out of order, 100 GB stored", file)?.1);
    let (to_delete, _) = scene.alone("to be deleted", long)?;
    let name = format!("deletion of {:.0} MB, 100 GB stored", long.mega());
    stored.add(scene.deletion(&name, long, &to_delete)?);
    let stored = stored.rows;
    let mut read = Rows::new(measured);
    let name = format!(
        "{:.2} MB in chunks of 1.8 MB, by range, 100 GB stored",
        file.mega()
    );
    read.add(scene.in_ranges(&name, file, &uploaded)?);
    Ok(Measured {
        stored,
        read: read.rows,
    })
}
