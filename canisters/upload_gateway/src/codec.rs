//! How records are written to stable memory: fixed binary fields for what each chunk touches, Candid for the rest.
//! Every record begins with its version.

use candid::Principal;

/// Appends fields: integers little-endian, texts and blobs behind their length as u32.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn new(version: u8) -> Self {
        Writer(vec![version])
    }

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

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn blob(self, bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).expect("BUG: a field of more than 4 GiB");
        self.u32(len).raw(bytes)
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what [`Writer`] wrote.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Panics when the record has another version: an upgrade must migrate it first.
    pub fn new(bytes: &'a [u8], version: u8) -> Self {
        let mut reader = Reader(bytes);
        let found = reader.u8();
        assert_eq!(found, version, "BUG: a record of an unknown version");
        reader
    }

    pub fn raw(&mut self, len: usize) -> &'a [u8] {
        let (field, rest) = self
            .0
            .split_at_checked(len)
            .expect("BUG: a truncated record");
        self.0 = rest;
        field
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        self.raw(N).try_into().expect("BUG: raw(N) has N bytes")
    }

    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub fn blob(&mut self) -> &'a [u8] {
        let len = self.u32() as usize;
        self.raw(len)
    }

    pub fn text(&mut self) -> String {
        String::from_utf8(self.blob().to_vec()).expect("BUG: a text that isn't UTF-8")
    }

    pub fn principal(&mut self) -> Principal {
        Principal::try_from_slice(self.blob()).expect("BUG: a principal that isn't one")
    }
}

/// `Storable` for a type with `fn encode(&self) -> Vec<u8>` and `fn decode(&[u8]) -> Self`.
macro_rules! storable_binary {
    ($type:ty) => {
        impl ic_stable_structures::Storable for $type {
            fn to_bytes(&self) -> std::borrow::Cow<'_, [u8]> {
                std::borrow::Cow::Owned(self.encode())
            }
            fn into_bytes(self) -> Vec<u8> {
                self.encode()
            }
            fn from_bytes(bytes: std::borrow::Cow<[u8]>) -> Self {
                Self::decode(&bytes)
            }
            const BOUND: ic_stable_structures::storable::Bound =
                ic_stable_structures::storable::Bound::Unbounded;
        }
    };
}

/// `Storable` for a Candid type, behind a version byte.
macro_rules! storable_candid {
    ($type:ty, $version:expr) => {
        impl $type {
            fn encode(&self) -> Vec<u8> {
                let body = candid::encode_one(self).expect("BUG: a record that Candid can't write");
                crate::codec::Writer::new($version).raw(&body).finish()
            }
            fn decode(bytes: &[u8]) -> Self {
                assert_eq!(
                    bytes.first(),
                    Some(&$version),
                    "BUG: a record of an unknown version"
                );
                candid::decode_one(&bytes[1..]).expect("BUG: a record that Candid can't read")
            }
        }
        crate::codec::storable_binary!($type);
    };
}

pub(crate) use {storable_binary, storable_candid};
