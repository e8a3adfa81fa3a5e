//! How far the chunks of schema version 1 are copied to files; the totals hold it. `blob::copy`
//! copies.

use canister_common::codec::{Reader, Writer};

/// Chunks that lie in the map of schema version 1 and belong to a blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    pub chunks: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// The store never had schema version 1.
    Nothing,
    /// Blobs lie in the map.
    Copying(Copying),
    /// All blobs are files, and the region of the map belongs to them.
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copying {
    pub left: Left,
    /// The first key that this pass over the blobs has not looked at; `None` at its end. Blobs that
    /// are still open come in a later pass.
    pub cursor: Option<[u8; 32]>,
    /// The chunks of the blob at the cursor that are copied.
    pub copied: u32,
    /// The length of its chunks in bytes, but for the last; 0 until one is copied.
    pub chunk_len: u32,
    /// Blobs that this pass couldn't copy.
    pub kept: u32,
    /// The first of them.
    pub first_kept: Option<[u8; 32]>,
    /// Another pass follows, because a blob that this pass had looked at changed.
    pub again: bool,
    /// This pass left chunks of a blob in the map. Whatever the sums say, its region isn't free.
    pub in_use: bool,
}

impl Copying {
    /// Looks at all blobs from the first one on.
    fn begin_pass(&mut self) {
        *self = Copying {
            left: self.left,
            cursor: Some([0; 32]),
            ..Copying::default()
        };
    }

    /// Whether the pass has ended, and both the blobs and the sums say that nothing is left.
    pub fn is_over(&self) -> bool {
        self.cursor.is_none() && !self.in_use && self.left == Left::default()
    }

    /// Chunks left the map, because they were copied or deleted.
    pub fn left_the_map(&mut self, chunks: u64, bytes: u64) {
        self.left.chunks = self.left.chunks.saturating_sub(chunks);
        self.left.bytes = self.left.bytes.saturating_sub(bytes);
    }

    /// Ends the pass. Another one begins if a blob changed meanwhile.
    pub fn end_pass(&mut self) {
        match self.again {
            true => self.begin_pass(),
            false => self.restart(None),
        }
    }

    /// Goes on with the first chunk of the blob at `cursor`, or of the next one.
    pub fn restart(&mut self, cursor: Option<[u8; 32]>) {
        self.cursor = cursor;
        self.copied = 0;
        self.chunk_len = 0;
    }
}

impl Migration {
    /// Nothing of a store of release 0.1.0 is copied yet.
    pub fn from_0_1_0(chunks: u64, bytes: u64) -> Self {
        Migration::Copying(Copying {
            left: Left { chunks, bytes },
            cursor: Some([0; 32]),
            ..Copying::default()
        })
    }

    pub fn left(&self) -> Left {
        match self {
            Migration::Copying(copying) => copying.left,
            Migration::Nothing | Migration::Done => Left::default(),
        }
    }

    /// A blob in the map was deleted.
    pub fn deleted_from_map(&mut self, chunks: u64, bytes: u64) {
        if let Migration::Copying(copying) = self {
            copying.left_the_map(chunks, bytes);
        }
        self.look_again();
    }

    /// A chunk was put into a blob that lies in the map.
    pub fn entered_the_map(&mut self, bytes: u64) {
        if let Migration::Copying(copying) = self {
            copying.left.chunks += 1;
            copying.left.bytes += bytes;
        }
    }

    /// A blob can be copied now, or it is gone: after this pass comes another one.
    pub fn look_again(&mut self) {
        if let Migration::Copying(copying) = self {
            match copying.cursor {
                Some(_) => copying.again = true,
                None => copying.begin_pass(),
            }
        }
    }

    /// Bytes that are in the map and in a file, because their blob is being copied.
    pub fn copied_bytes(&self) -> u64 {
        match self {
            Migration::Copying(copying) => u64::from(copying.copied) * u64::from(copying.chunk_len),
            Migration::Nothing | Migration::Done => 0,
        }
    }

    /// Appends u8 stage: 0 nothing, 1 copying, 2 done. While copying: u64 chunks and u64 bytes
    /// that are left; u8 length of the cursor (0 or 32) and the cursor; u32 copied chunks; u32
    /// length of a chunk; u32 kept blobs; the first of them as the cursor; u8 whether another pass
    /// follows; u8 whether this one left chunks in the map.
    pub fn write(&self, fields: Writer) -> Writer {
        let copying = match self {
            Migration::Nothing => return fields.u8(0),
            Migration::Done => return fields.u8(2),
            Migration::Copying(copying) => copying,
        };
        let key = |key: &Option<[u8; 32]>| key.map_or(Vec::new(), Vec::from);
        fields
            .u8(1)
            .u64(copying.left.chunks)
            .u64(copying.left.bytes)
            .short(&key(&copying.cursor))
            .u32(copying.copied)
            .u32(copying.chunk_len)
            .u32(copying.kept)
            .short(&key(&copying.first_kept))
            .u8(copying.again.into())
            .u8(copying.in_use.into())
    }

    /// Reads what [`Migration::write`] appended.
    pub fn read(fields: &mut Reader<'_>) -> Self {
        match fields.u8() {
            0 => Migration::Nothing,
            1 => Migration::Copying(Copying {
                left: Left {
                    chunks: fields.u64(),
                    bytes: fields.u64(),
                },
                cursor: fields.short().try_into().ok(),
                copied: fields.u32(),
                chunk_len: fields.u32(),
                kept: fields.u32(),
                first_kept: fields.short().try_into().ok(),
                again: fields.u8() == 1,
                in_use: fields.u8() == 1,
            }),
            2 => Migration::Done,
            other => panic!("BUG: the migration has the unknown stage {other}"),
        }
    }
}
