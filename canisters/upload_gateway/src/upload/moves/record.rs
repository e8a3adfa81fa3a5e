//! The record of a blob that moves from store to store, or did.

use candid::Principal;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;

/// Where the blob of a memory lies, and the store to which it is being moved.
///
/// The record stays after the move, until the memory is deleted: notes that were made before name
/// the former store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub memory: String,
    /// The index that has the memory.
    pub index: Principal,
    /// The store that has the blob as far as the index said.
    pub home: Principal,
    pub next: Option<Next>,
    /// The blob isn't moved again before this time, in nanoseconds since 1970.
    pub not_before: u64,
    /// Bytes of the whole file.
    pub bytes: u64,
    /// SHA-256 of the whole file.
    pub sha256: [u8; 32],
}

/// The store to which a blob is being moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    pub store: Principal,
    /// The copy is whole, and the index was asked to relocate the memory, or will be. From then on
    /// either store may be the one that the index names.
    pub relocating: bool,
}

impl Move {
    /// Whether the index may name this store.
    pub fn needs(&self, store: Principal) -> bool {
        self.home == store || self.is_to(store)
    }

    /// Whether the blob is being moved to this store.
    pub fn is_to(&self, store: Principal) -> bool {
        self.next.is_some_and(|next| next.store == store)
    }
}

/// Layout, version 1: index, home, next (empty if there is none), 1 if it is relocating and 0
/// otherwise, the time, bytes, SHA-256, memory.
impl Record for Move {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        let next = self.next.as_ref();
        let relocating = next.is_some_and(|next| next.relocating);
        fields
            .blob(self.index.as_slice())
            .blob(self.home.as_slice())
            .blob(next.map_or(&[][..], |next| next.store.as_slice()))
            .u8(relocating.into())
            .u64(self.not_before)
            .u64(self.bytes)
            .blob(&self.sha256)
            .blob(self.memory.as_bytes())
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        let (index, home) = (fields.principal(), fields.principal());
        let store = fields.principal();
        let relocating = fields.u8() == 1;
        Move {
            index,
            home,
            // The empty principal is no canister: it stands for none.
            next: (!store.as_slice().is_empty()).then_some(Next { store, relocating }),
            not_before: fields.u64(),
            bytes: fields.u64(),
            sha256: fields.blob().try_into().expect("BUG: no SHA-256 is stored"),
            memory: fields.text(),
        }
    }
}

storable!(Move);

#[cfg(test)]
mod tests {
    use super::*;
    use canister_common::codec::{decode, encode};
    use canister_common::golden::assert_hex;

    #[test]
    fn a_move_keeps_its_layout() {
        let next = Some(Next {
            store: Principal::from_slice(&[3; 3]),
            relocating: true,
        });
        let moved = Move {
            memory: "mem_1".into(),
            index: Principal::from_slice(&[2; 3]),
            home: Principal::from_slice(&[1; 3]),
            next,
            not_before: 0x0102_0304_0506_0708,
            bytes: 9,
            sha256: [7; 32],
        };
        let stays = Move {
            next: None,
            ..moved.clone()
        };
        for (record, next) in [(moved, "03000000 030303 01"), (stays, "00000000 00")] {
            let golden = format!(
                "01 03000000 020202 03000000 010101 {next} 0807060504030201 0900000000000000 \
                 20000000 {} 05000000 6d656d5f31",
                "07".repeat(32)
            );
            assert_hex(&encode(&record), &golden);
            assert_eq!(decode::<Move>(&encode(&record)), record);
        }
    }
}
