//! How much of a long operation one message does.

/// The bound of one message. A message handles at least one chunk, so that repeating it ends.
pub struct Slice<'a> {
    /// Instructions that this message has used so far.
    pub used: &'a dyn Fn() -> u64,
    /// The message begins no further chunk above this many instructions.
    pub instructions: u64,
    /// At most this many chunks.
    pub chunks: u32,
}

/// The bound on chunks of every slice. Blobs of small chunks reach it before that on instructions.
pub const SLICE_CHUNKS: u32 = 1_024;

impl Slice<'_> {
    /// Whether the message may handle another chunk after these.
    pub(crate) fn goes_on(&self, done: u32) -> bool {
        done == 0 || (done < self.chunks && (self.used)() < self.instructions)
    }
}
