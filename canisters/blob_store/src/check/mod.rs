//! A check of the store by itself, in slices, while it serves.
//!
//! It finds out whether every block belongs to one file, whether the lists of free blocks and the
//! totals are right, and, if asked, whether the bytes of each sealed blob have their SHA-256. It
//! mends, if asked, the lists and the totals, and nothing else. While a blob has a fault, the lists
//! stay as they are: blocks that seem free may have its bytes.
//!
//! The count of blocks lies on the heap. An upgrade loses it, and the check then begins it anew.
//! The hashing, which costs most, goes on where it was.

mod contents;
mod free;
pub mod record;
mod walk;

use self::record::Check;
use crate::blob::slice::Slice;
use crate::blob::store::BlobStore;
use capsule_shared::blob_store::CheckStage;
use ic_stable_structures::Memory;

/// A slice of a check begins nothing above these instructions, of the 40 G of a message.
pub const CHECK_INSTRUCTIONS: u64 = 1_000_000_000;

/// How far the count of blocks is.
#[derive(Clone, Copy, Debug)]
pub enum Counting {
    /// The runs of all files, and the records of all blobs.
    Files,
    /// The list of free runs by place, from this block on.
    FreeByPlace(u32),
    /// The list by length, from this entry on.
    FreeByLength((u32, u32)),
}

/// Does a slice of a check. `counting` is what the heap holds of it.
pub fn go_on<M: Memory>(
    store: &mut BlobStore<M>,
    counting: &mut Option<Counting>,
    check: &mut Check,
    slice: &Slice<'_>,
) {
    // Blobs may have changed since the last slice.
    walk::report_twice(store, check);
    let mut done = 0;
    while check.is_running() && slice.goes_on(done) {
        done += 1;
        match (check.status.stage, *counting) {
            (CheckStage::Space, None) => {
                check.begin_again();
                begin_counting(store, counting);
            }
            (CheckStage::Space, Some(Counting::Files)) => {
                if walk::step(store, check) {
                    walk::check_totals(store, check);
                    *counting = Some(Counting::FreeByPlace(0));
                }
            }
            (CheckStage::Space, Some(Counting::FreeByPlace(block))) => {
                let next = free::by_place(store, check, block);
                *counting = Some(match next {
                    Some(block) => Counting::FreeByPlace(block),
                    None => Counting::FreeByLength((0, 0)),
                });
            }
            (CheckStage::Space, Some(Counting::FreeByLength(entry))) => {
                match free::by_length(store, check, entry) {
                    Some(entry) => *counting = Some(Counting::FreeByLength(entry)),
                    None => {
                        walk::check_free_total(store, check);
                        stop_counting(store, counting);
                        check.status.stage = match check.status.options.contents {
                            true => CheckStage::Contents,
                            false => CheckStage::Done,
                        };
                    }
                }
            }
            _ => {
                if contents::step(store, check) {
                    check.status.stage = CheckStage::Done;
                }
            }
        }
        walk::report_twice(store, check);
    }
}

/// Begins the count of blocks.
pub fn begin_counting<M: Memory>(store: &mut BlobStore<M>, counting: &mut Option<Counting>) {
    walk::begin(store);
    *counting = Some(Counting::Files);
}

/// Frees what the heap holds of a check.
pub fn stop_counting<M: Memory>(store: &mut BlobStore<M>, counting: &mut Option<Counting>) {
    *counting = None;
    walk::end(store);
}
