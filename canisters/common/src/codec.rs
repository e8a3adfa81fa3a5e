//! How records are written to stable memory: one byte of version, then fields.
//!
//! A record reads every version that was ever released and writes only the newest one. Fields are
//! binary where each chunk touches the record, and Candid elsewhere. Golden bytes pin each layout,
//! so that a layout can't change without a new version.

use candid::{CandidType, Principal};
use serde::de::DeserializeOwned;

/// A record that lies in stable memory.
pub trait Record: Sized {
    /// The version that [`Record::write`] writes.
    const VERSION: u8;

    /// Appends the fields; the version byte is there already.
    fn write(&self, fields: Writer) -> Writer;

    /// Reads the fields of any released version, and calls [`unknown`] for every other.
    fn read(version: u8, fields: &mut Reader<'_>) -> Self;
}

/// Room for most records, so that writing one allocates once.
const USUAL_BYTES: usize = 256;

/// The stored bytes of a record.
pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    let fields = Writer(Vec::with_capacity(USUAL_BYTES));
    record.write(fields.u8(R::VERSION)).0
}

/// The record of these stored bytes. Panics if they aren't one; the message then changes nothing.
pub fn decode<R: Record>(bytes: &[u8]) -> R {
    let mut fields = Reader(bytes);
    let version = fields.u8();
    let record = R::read(version, &mut fields);
    assert!(
        fields.0.is_empty(),
        "BUG: a record is longer than its layout"
    );
    record
}

/// Ends the message: a newer release wrote this record, or something else lies in its place.
pub fn unknown(version: u8) -> ! {
    panic!("BUG: a record has the unknown version {version}")
}

/// Appends fields. Integers are little-endian.
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Bytes whose length the reader knows.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes behind their length as u32.
    pub fn blob(self, bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).expect("BUG: a field has more than 4 GiB");
        self.u32(len).raw(bytes)
    }

    /// Bytes behind their length as u8.
    pub fn short(self, bytes: &[u8]) -> Self {
        let len = u8::try_from(bytes.len()).expect("BUG: a short field has more than 255 bytes");
        self.u8(len).raw(bytes)
    }

    /// A Candid value, which takes the rest of the record.
    pub fn candid<T: CandidType>(self, value: &T) -> Self {
        self.raw(&candid::encode_one(value).expect("BUG: Candid can't write a record"))
    }
}

/// Reads what [`Writer`] wrote, field by field.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub fn raw(&mut self, len: usize) -> &'a [u8] {
        let (field, rest) = self
            .0
            .split_at_checked(len)
            .expect("BUG: a record is shorter than its layout");
        self.0 = rest;
        field
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        self.raw(N).try_into().expect("BUG: raw(N) has N bytes")
    }

    pub fn blob(&mut self) -> &'a [u8] {
        let len = self.u32() as usize;
        self.raw(len)
    }

    pub fn short(&mut self) -> &'a [u8] {
        let len = self.u8() as usize;
        self.raw(len)
    }

    pub fn text(&mut self) -> String {
        String::from_utf8(self.blob().to_vec()).expect("BUG: a stored text isn't UTF-8")
    }

    /// A principal that was written as a blob.
    pub fn principal(&mut self) -> Principal {
        Principal::try_from_slice(self.blob()).expect("BUG: a stored principal isn't one")
    }

    /// A Candid value, which takes the rest of the record.
    pub fn candid<T: CandidType + DeserializeOwned>(&mut self) -> T {
        let rest = std::mem::take(&mut self.0);
        candid::decode_one(rest).expect("BUG: Candid can't read a record")
    }
}

/// Makes a [`Record`] something that stable structures store. With a size in bytes it is a record
/// of that size in every version, else it is unbounded.
#[macro_export]
macro_rules! storable {
    ($type:ty) => {
        $crate::storable!(@bound $type, ic_stable_structures::storable::Bound::Unbounded);
    };
    ($type:ty, size = $size:expr) => {
        $crate::storable!(@bound $type, ic_stable_structures::storable::Bound::Bounded {
            max_size: $size,
            is_fixed_size: true,
        });
    };
    (@bound $type:ty, $bound:expr) => {
        impl ic_stable_structures::Storable for $type {
            fn to_bytes(&self) -> std::borrow::Cow<'_, [u8]> {
                std::borrow::Cow::Owned($crate::codec::encode(self))
            }

            fn into_bytes(self) -> Vec<u8> {
                $crate::codec::encode(&self)
            }

            fn from_bytes(bytes: std::borrow::Cow<[u8]>) -> Self {
                $crate::codec::decode(&bytes)
            }

            const BOUND: ic_stable_structures::storable::Bound = $bound;
        }
    };
}

/// Makes a Candid type a stored record of one version. A later version needs a [`Record`] written
/// by hand, which reads this one too.
#[macro_export]
macro_rules! candid_record {
    ($type:ty, version = $version:literal) => {
        impl $crate::codec::Record for $type {
            const VERSION: u8 = $version;

            fn write(&self, fields: $crate::codec::Writer) -> $crate::codec::Writer {
                fields.candid(self)
            }

            fn read(version: u8, fields: &mut $crate::codec::Reader<'_>) -> Self {
                match version {
                    $version => fields.candid(),
                    other => $crate::codec::unknown(other),
                }
            }
        }

        $crate::storable!($type);
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record whose second version gained a field.
    #[derive(Debug, PartialEq)]
    struct Grown {
        name: String,
        weight: u64,
    }

    impl Record for Grown {
        const VERSION: u8 = 2;

        fn write(&self, fields: Writer) -> Writer {
            fields.blob(self.name.as_bytes()).u64(self.weight)
        }

        fn read(version: u8, fields: &mut Reader<'_>) -> Self {
            let name = fields.text();
            let weight = match version {
                1 => 0,
                2 => fields.u64(),
                other => unknown(other),
            };
            Grown { name, weight }
        }
    }

    fn grown() -> Grown {
        Grown {
            name: "a".into(),
            weight: 3,
        }
    }

    #[test]
    fn the_newest_version_is_written_and_every_version_is_read() {
        let bytes = encode(&grown());
        assert_eq!(bytes, [2, 1, 0, 0, 0, b'a', 3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode::<Grown>(&bytes), grown());
        let old: Grown = decode(&[1, 1, 0, 0, 0, b'a']);
        assert_eq!(old.weight, 0);
    }

    #[test]
    #[should_panic(expected = "unknown version 3")]
    fn a_version_from_the_future_ends_the_message() {
        decode::<Grown>(&[3, 1, 0, 0, 0, b'a']);
    }

    #[test]
    #[should_panic(expected = "shorter than its layout")]
    fn a_record_that_was_cut_ends_the_message() {
        decode::<Grown>(&[1, 9, 0, 0, 0, b'a']);
    }

    #[test]
    #[should_panic(expected = "longer than its layout")]
    fn a_record_with_a_tail_ends_the_message() {
        decode::<Grown>(&[1, 1, 0, 0, 0, b'a', 0]);
    }

    #[test]
    fn every_field_comes_back() {
        let written = Writer(Vec::new())
            .u8(1)
            .u32(2)
            .u64(3)
            .raw(&[4, 4])
            .blob(&[5])
            .short(&[6, 6])
            .blob(Principal::anonymous().as_slice())
            .candid(&7u32);
        let mut fields = Reader(&written.0);
        assert_eq!((fields.u8(), fields.u32(), fields.u64()), (1, 2, 3));
        assert_eq!(fields.array(), [4, 4]);
        assert_eq!((fields.blob(), fields.short()), (&[5][..], &[6, 6][..]));
        assert_eq!(fields.principal(), Principal::anonymous());
        assert_eq!(fields.candid::<u32>(), 7);
    }
}
