//! The private view of a memory that one message reads and writes.
//!
//! `/proc/self/pagemap` shows which heap pages a message wrote. A written page of a private mapping
//! is anonymous. A page that was only read still belongs to the file.

use super::pages::{PAGE, PageRun, runs};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that one message sees and writes.
pub struct Mapping {
    base: NonNull<u8>,
    length: usize,
    capacity: usize,
    size: AtomicUsize,
}

// SAFETY: the mapping is owned memory, and the one execution that holds it decides about writes.
unsafe impl Send for Mapping {}
// SAFETY: as above, since the engine runs one message at a time on a mapping.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// A view of `size` bytes of `file`, with address space for `capacity` bytes and a guard of
    /// `guard` bytes behind it. Fails if the kernel refuses a mapping.
    pub fn new(file: &File, capacity: usize, size: usize, guard: usize) -> std::io::Result<Self> {
        let length = capacity + guard;
        // SAFETY: the kernel chooses the address of the first mapping, and the second lies inside
        // it.
        let base = unsafe {
            let base = mmap_anonymous(
                std::ptr::null_mut(),
                length,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?;
            mmap(
                base,
                capacity,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
                file.as_fd(),
                0,
            )?;
            base
        };
        let mapping = Self {
            base: NonNull::new(base.cast()).expect("BUG: mmap gave null"),
            length,
            capacity,
            size: AtomicUsize::new(0),
        };
        mapping.grow_to(size)?;
        Ok(mapping)
    }

    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Makes `size` bytes accessible. Fails above the capacity.
    pub fn grow_to(&self, size: usize) -> std::io::Result<()> {
        let old = self.size();
        if size > self.capacity {
            return Err(std::io::Error::other("beyond the capacity of the memory"));
        }
        if size > old {
            // SAFETY: `size` is at most the capacity, so the range is inside the mapping.
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

    /// Bytes inside the current size. Panics beyond it; the caller checks the bounds.
    pub fn bytes(&self, offset: usize, length: usize) -> &[u8] {
        assert!(
            offset
                .checked_add(length)
                .is_some_and(|end| end <= self.size())
        );
        // SAFETY: the range is inside the readable part of the mapping.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(offset), length) }
    }

    /// Writes inside the current size. Panics beyond it; the caller checks the bounds.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(
            offset
                .checked_add(bytes.len())
                .is_some_and(|end| end <= self.size())
        );
        // SAFETY: the range is inside the writable part. `bytes` is never in this mapping, since
        // heap and stable memory are two mappings.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.base.as_ptr().add(offset),
                bytes.len(),
            );
        }
    }

    /// The pages that were written through this mapping.
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
        // SAFETY: this unmaps exactly the own mapping, and nothing else refers to it.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.length) };
    }
}
