//! Prints the stable memory of a store that holds very many bytes, for `capsule-bench`.
//!
//! The store's own code fills it. All blobs consist of zeros, and only pages with other bytes are
//! printed: the store's maps. This is a program of its own because no program can link the exports
//! of two canisters.
//!
//! It prints the number of pages of 64 KiB as u64. Then come pieces: u64 offset, u64 length, and
//! the bytes. Integers are little-endian.

use blob_store::testing::Filling;
use candid::Principal;
use capsule_shared::blob_store::MOST_CAPACITY_BYTES;
use capsule_shared::keys::pmid_session_hash32;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use clap::Parser;
use ic_stable_structures::Memory;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::rc::Rc;

/// Bytes of the blobs, in turn: 20 MB on average.
const SIZES: [usize; 7] = [
    1_000_000, 5_000_000, 12_000_000, 20_000_000, 25_000_000, 32_000_000, 45_000_000,
];

/// One blob of so many is deleted, so that free space is scattered.
const DELETED: u64 = 10;

const PAGE: usize = 65_536;
/// The platform's page, and the least that is printed.
const BLOCK: usize = 4_096;
static ZEROS: [u8; PAGE] = [0; PAGE];

#[derive(Parser)]
#[command(about = "Prints the stable memory of a store that holds very many bytes")]
struct Arguments {
    /// The gateway that owns all blobs
    #[arg(long)]
    gateway: Principal,
    /// The least number of bytes that the blobs have together
    #[arg(long)]
    bytes: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let memory = Sparse::default();
    let filled = fill(memory.clone(), arguments.gateway, arguments.bytes);
    let printed = filled.map_err(|e| e.to_string()).and_then(|()| {
        let printed = memory.print(BufWriter::new(io::stdout().lock()));
        printed.map_err(|e| format!("cannot write to standard output: {e}"))
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

fn fill(memory: Sparse, gateway: Principal, bytes: u64) -> capsule_shared::Result<()> {
    let zeros = vec![0; MAX_CHUNK_BYTES];
    let digests = SIZES.map(|size| {
        let mut hasher = Sha256::new();
        chunks(&zeros, size).for_each(|chunk| hasher.update(chunk));
        hasher.finalize().into()
    });
    let mut filling = Filling::of(memory, gateway, MOST_CAPACITY_BYTES)?;
    let mut kept = 0;
    let mut doomed = vec![];
    for number in 0.. {
        if kept >= bytes {
            break;
        }
        let kind = number as usize % SIZES.len();
        let key = pmid_session_hash32("filled", number);
        filling.store(key, chunks(&zeros, SIZES[kind]), digests[kind])?;
        match number % DELETED {
            0 => doomed.push(key),
            _ => kept += SIZES[kind] as u64,
        }
    }
    doomed.into_iter().try_for_each(|key| filling.delete(key))
}

/// So many zeros in full chunks and a rest.
fn chunks(zeros: &[u8], size: usize) -> impl Iterator<Item = &[u8]> + Clone {
    let begins = (0..size).step_by(zeros.len());
    begins.map(move |at| &zeros[..zeros.len().min(size - at)])
}

/// The bytes of a page; `None` are zeros.
type Page = Option<Box<[u8]>>;

/// A stable memory that has only pages with other bytes than zeros.
#[derive(Clone, Default)]
struct Sparse(Rc<RefCell<Vec<Page>>>);

impl Sparse {
    fn print(&self, mut out: impl Write) -> io::Result<()> {
        let pages = self.0.borrow();
        out.write_all(&(pages.len() as u64).to_le_bytes())?;
        for (number, page) in pages.iter().enumerate() {
            for (block, bytes) in page.iter().flat_map(|page| page.chunks(BLOCK)).enumerate() {
                if bytes != &ZEROS[..BLOCK] {
                    let offset = number * PAGE + block * BLOCK;
                    out.write_all(&(offset as u64).to_le_bytes())?;
                    out.write_all(&(BLOCK as u64).to_le_bytes())?;
                    out.write_all(bytes)?;
                }
            }
        }
        out.flush()
    }
}

/// The parts of `len` bytes from `offset` on that lie in one page each: the page, the offset in it,
/// and the length.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let end = offset as usize + len;
    let mut at = offset as usize;
    std::iter::from_fn(move || {
        let (page, inside) = (at / PAGE, at % PAGE);
        let part = (PAGE - inside).min(end - at);
        at += part;
        (part > 0).then_some((page, inside, part))
    })
}

impl Memory for Sparse {
    fn size(&self) -> u64 {
        self.0.borrow().len() as u64
    }

    fn grow(&self, pages: u64) -> i64 {
        let before = self.size();
        let mut all = self.0.borrow_mut();
        all.resize_with((before + pages) as usize, || None);
        before as i64
    }

    fn read(&self, offset: u64, mut out: &mut [u8]) {
        let pages = self.0.borrow();
        for (page, inside, len) in parts(offset, out.len()) {
            let (part, rest) = out.split_at_mut(len);
            match &pages[page] {
                Some(page) => part.copy_from_slice(&page[inside..inside + len]),
                None => part.fill(0),
            }
            out = rest;
        }
    }

    fn write(&self, offset: u64, mut bytes: &[u8]) {
        let mut pages = self.0.borrow_mut();
        for (page, inside, len) in parts(offset, bytes.len()) {
            let (part, rest) = bytes.split_at(len);
            if pages[page].is_some() || part != &ZEROS[..len] {
                let page = pages[page].get_or_insert_with(|| ZEROS.into());
                page[inside..inside + len].copy_from_slice(part);
            }
            bytes = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_memory_reads_what_was_written_and_prints_no_zeros() {
        let memory = Sparse::default();
        assert_eq!((memory.grow(3), memory.grow(1), memory.size()), (0, 3, 4));
        let at = 2 * PAGE as u64 - 2;
        memory.write(at, b"over");
        memory.write(3 * PAGE as u64, &[0; BLOCK]);
        let mut read = [1; 6];
        memory.read(at - 1, &mut read);
        assert_eq!(&read, b"\0over\0");
        memory.write(at, &[0; 2]);

        let mut printed = vec![];
        memory.print(&mut printed).unwrap();
        let number = |at: usize| u64::from_le_bytes(printed[at..at + 8].try_into().unwrap());
        assert_eq!((number(0), number(8), number(16)), (4, 2 * 65_536, 4_096));
        assert_eq!(&printed[24..27], b"er\0");
        assert_eq!(printed.len(), 24 + BLOCK);
    }
}
