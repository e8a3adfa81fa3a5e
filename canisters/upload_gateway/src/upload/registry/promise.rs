//! A promise of bytes to a store, and why the store may not have opened the blob.

use candid::Principal;

/// A promise of bytes that is taken back if the store doesn't open the blob.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    pub(super) store: Principal,
    pub(super) bytes: u64,
    /// The room that the upload needs.
    pub(super) room: u64,
    /// How often the store had been asked when the promise was made.
    pub(super) questions: u64,
}

/// Why a store didn't open a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has too little room for the upload.
    Full,
    /// It gave no usable answer.
    Silent,
    /// The reason lies in this upload or in the gateway, and says nothing about the store.
    Other,
}
