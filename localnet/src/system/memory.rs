//! Copy-on-write memory: the committed bytes live in an anonymous file, a message works on a private mapping of it.
//!
//! A trap drops the mapping and nothing has happened; a message that succeeds writes its dirty pages back. The kernel
//! keeps both sparse: only pages that were touched cost memory, so 500 GiB of stable memory are free until written.
//! Dirty pages of the heap are found in `/proc/self/pagemap`: a page of a private mapping that was written is
//! anonymous, one that was only read still belongs to the file.

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Committed bytes of one memory of one canister; beyond `size` the file is all zeros.
#[derive(Clone)]
pub struct Image {
    file: Arc<File>,
    /// Bytes that the canister may touch, a multiple of [`WASM_PAGE`].
    size: usize,
    capacity: usize,
}

impl Image {
    pub fn new(capacity: usize) -> std::io::Result<Self> {
        let fd: OwnedFd = memfd_create("localnet", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, capacity as u64)?;
        Ok(Self {
            file: Arc::new(File::from(fd)),
            size: 0,
            capacity,
        })
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// A private view of the bytes, with as much address space as the memory may grow to, and a guard behind it.
    pub fn map(&self, guard: usize) -> std::io::Result<Arc<Mapping>> {
        let length = self.capacity + guard;
        // SAFETY: fresh mappings at an address of the kernel's choice; the second lies inside the first.
        let base = unsafe {
            let base = mmap_anonymous(
                std::ptr::null_mut(),
                length,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?;
            mmap(
                base,
                self.capacity,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
                self.file.as_fd(),
                0,
            )?;
            base
        };
        let mapping = Arc::new(Mapping {
            base: NonNull::new(base.cast()).expect("BUG: mmap gave null"),
            length,
            capacity: self.capacity,
            size: AtomicUsize::new(0),
        });
        mapping.grow_to(self.size)?;
        Ok(mapping)
    }

    /// Makes the pages of `mapping` that are listed, and its size, the committed ones.
    pub fn commit(&mut self, mapping: &Mapping, dirty: &[PageRun]) -> std::io::Result<()> {
        for run in dirty {
            let (start, length) = (run.first * PAGE, run.count * PAGE);
            self.file
                .write_all_at(mapping.bytes(start, length), start as u64)?;
        }
        self.size = mapping.size();
        Ok(())
    }

    pub fn read(&self, offset: usize, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset as u64)?;
        Ok(bytes)
    }

    /// A memory of its own with these bytes, rounded up to whole pages.
    pub fn with_bytes(capacity: usize, bytes: &[u8]) -> std::io::Result<Self> {
        let mut image = Self::new(capacity)?;
        image.file.write_all_at(bytes, 0)?;
        image.size = bytes.len().next_multiple_of(WASM_PAGE);
        Ok(image)
    }

    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all_at(bytes, offset as u64)
    }

    pub fn set_size(&mut self, size: usize) {
        self.size = size;
    }
}

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

/// What one message sees and writes.
pub struct Mapping {
    base: NonNull<u8>,
    length: usize,
    capacity: usize,
    size: AtomicUsize,
}

// SAFETY: the mapping is owned memory; who writes to it is decided by the one execution that holds it.
unsafe impl Send for Mapping {}
// SAFETY: as above; the engine runs one message at a time on a mapping.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub fn grow_to(&self, size: usize) -> std::io::Result<()> {
        let old = self.size();
        if size > self.capacity {
            return Err(std::io::Error::other("beyond the capacity of the memory"));
        }
        if size > old {
            // SAFETY: inside the mapping, see above.
            unsafe {
                mprotect(
                    self.base.as_ptr().add(old).cast(),
                    size - old,
                    MprotectFlags::READ | MprotectFlags::WRITE,
                )?;
            }
            self.size.store(size, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Bytes inside the current size; the caller has checked the bounds.
    pub fn bytes(&self, offset: usize, length: usize) -> &[u8] {
        assert!(
            offset
                .checked_add(length)
                .is_some_and(|end| end <= self.size())
        );
        // SAFETY: inside the readable part of the mapping.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(offset), length) }
    }

    pub fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(
            offset
                .checked_add(bytes.len())
                .is_some_and(|end| end <= self.size())
        );
        // SAFETY: inside the writable part; `bytes` is never a part of this mapping (heap and stable memory are two).
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.base.as_ptr().add(offset),
                bytes.len(),
            );
        }
    }

    /// Pages that were written through this mapping, by anyone.
    pub fn dirty(&self) -> std::io::Result<Vec<PageRun>> {
        const PRESENT_OR_SWAPPED: u64 = 0b11 << 62;
        const FILE_PAGE: u64 = 1 << 61;
        const AT_ONCE: usize = 64 * 1024;
        let pagemap = File::open("/proc/self/pagemap")?;
        let first = self.base.as_ptr() as usize / PAGE;
        let pages = self.size() / PAGE;
        let mut dirty = vec![];
        let mut buffer = vec![0u8; pages.min(AT_ONCE) * 8];
        for start in (0..pages).step_by(AT_ONCE) {
            let count = (pages - start).min(AT_ONCE);
            let part = &mut buffer[..count * 8];
            pagemap.read_exact_at(part, ((first + start) * 8) as u64)?;
            dirty.extend(part.chunks_exact(8).enumerate().filter_map(|(i, entry)| {
                let entry = u64::from_ne_bytes(entry.try_into().expect("BUG: eight bytes"));
                (entry & PRESENT_OR_SWAPPED != 0 && entry & FILE_PAGE == 0).then_some(start + i)
            }));
        }
        Ok(runs(dirty))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly what was mapped; nobody else holds it.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_private_until_committed() {
        let mut image = Image::with_bytes(HEAP_MAX, &[7; 3 * WASM_PAGE]).unwrap();
        let view = image.map(PAGE).unwrap();
        view.write(5 * PAGE, b"new");
        assert_eq!(view.bytes(5 * PAGE, 4), b"new\x07");
        assert_eq!(image.read(5 * PAGE, 4).unwrap(), [7; 4]);
        let other = image.map(0).unwrap();
        assert_eq!(other.bytes(5 * PAGE, 3), [7; 3]);
        assert_eq!(other.dirty().unwrap(), []);
        let dirty = view.dirty().unwrap();
        assert_eq!(dirty, [PageRun { first: 5, count: 1 }]);
        image.commit(&view, &dirty).unwrap();
        assert_eq!(image.read(5 * PAGE, 4).unwrap(), *b"new\x07");
    }

    #[test]
    fn growth_is_part_of_what_a_commit_keeps() {
        let mut image = Image::new(STABLE_MAX).unwrap();
        let view = image.map(0).unwrap();
        view.grow_to(STABLE_MAX).unwrap();
        view.write(STABLE_MAX - 4, b"last");
        assert_eq!(image.size(), 0);
        let page = STABLE_MAX / PAGE - 1;
        image.commit(&view, &runs([page])).unwrap();
        assert_eq!(image.size(), STABLE_MAX);
        assert_eq!(image.read(STABLE_MAX - 4, 4).unwrap(), *b"last");
        assert!(view.grow_to(STABLE_MAX + 1).is_err());
    }
}
