//! The committed bytes of one memory.

use super::mapping::Mapping;
use super::pages::{PAGE, PageRun, WASM_PAGE};
use rustix::fs::{MemfdFlags, SeekFrom, ftruncate, memfd_create, seek};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The committed bytes of one memory of one canister. The file is zero beyond `size`.
#[derive(Clone)]
pub struct Image {
    file: Arc<File>,
    /// Bytes that the canister may touch, a multiple of [`WASM_PAGE`].
    size: usize,
    capacity: usize,
}

impl Image {
    /// An empty memory that can grow to `capacity` bytes.
    pub fn new(capacity: usize) -> std::io::Result<Self> {
        let fd: OwnedFd = memfd_create("localnet", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, capacity as u64)?;
        Ok(Self {
            file: Arc::new(File::from(fd)),
            size: 0,
            capacity,
        })
    }

    /// In bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// A private view of the bytes, with as much address space as the memory may grow to, and a
    /// guard of `guard` bytes behind it.
    pub fn map(&self, guard: usize) -> std::io::Result<Arc<Mapping>> {
        Ok(Arc::new(Mapping::new(
            &self.file,
            self.capacity,
            self.size,
            guard,
        )?))
    }

    /// Commits the size of `mapping` and those of its pages that `dirty` lists.
    pub fn commit(&mut self, mapping: &Mapping, dirty: &[PageRun]) -> std::io::Result<()> {
        for run in dirty {
            let (start, length) = (run.first * PAGE, run.count * PAGE);
            self.file
                .write_all_at(mapping.bytes(start, length), start as u64)?;
        }
        self.size = mapping.size();
        Ok(())
    }

    /// A memory with the same bytes that is independent of this one. It takes up as much as was
    /// written to this one.
    pub fn copy(&self) -> std::io::Result<Self> {
        const AT_ONCE: u64 = 1 << 20;
        let copy = Self::new(self.capacity)?;
        let mut buffer = vec![];
        let mut at = 0;
        // fails with ENXIO behind the last written page
        while let Ok(start) = seek(&self.file, SeekFrom::Data(at)) {
            let end = seek(&self.file, SeekFrom::Hole(start))?;
            for offset in (start..end).step_by(AT_ONCE as usize) {
                buffer.resize(AT_ONCE.min(end - offset) as usize, 0);
                self.file.read_exact_at(&mut buffer, offset)?;
                copy.file.write_all_at(&buffer, offset)?;
            }
            at = end;
        }
        Ok(Self {
            size: self.size,
            ..copy
        })
    }

    pub fn read(&self, offset: usize, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset as u64)?;
        Ok(bytes)
    }

    /// A new memory with these bytes, rounded up to whole WebAssembly pages.
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

#[cfg(test)]
mod tests {
    use super::super::pages::{HEAP_MAX, STABLE_MAX, runs};
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
    fn a_copy_is_independent_and_as_sparse() {
        let mut image = Image::new(STABLE_MAX).unwrap();
        image.set_size(STABLE_MAX);
        image.write(3, b"first").unwrap();
        image.write(STABLE_MAX - 4, b"last").unwrap();
        let copy = image.copy().unwrap();
        image.write(3, b"FIRST").unwrap();
        assert_eq!(copy.size(), STABLE_MAX);
        assert_eq!(copy.read(3, 5).unwrap(), *b"first");
        assert_eq!(copy.read(STABLE_MAX - 4, 4).unwrap(), *b"last");
        let blocks = std::os::unix::fs::MetadataExt::blocks(&copy.file.metadata().unwrap());
        assert!(blocks < 64, "{blocks} blocks of 512 bytes");
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
