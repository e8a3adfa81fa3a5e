//! Capsules as frontends see them.

use candid::types::{Serializer, Type, TypeInner};
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// A person: somebody with a principal, or somebody known only by a text.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonRef {
    /// A text of 1 to 256 bytes that means something to the frontend.
    Opaque(String),
    Principal(Principal),
}

/// When an owner got the capsule and last changed it.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct OwnerState {
    /// Nanoseconds since 1970.
    pub since: u64,
    /// Nanoseconds since 1970.
    pub last_activity_at: u64,
}

/// When a capsule controller got the right to read and write, and from whom.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ControllerState {
    /// Nanoseconds since 1970.
    pub granted_at: u64,
    pub granted_by: PersonRef,
}

/// Candid's `empty`, the type without values. Candid's own `Empty` can't be cloned or compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {}

impl CandidType for Never {
    fn _ty() -> Type {
        TypeInner::Empty.into()
    }
    fn idl_serialize<S: Serializer>(&self, _: S) -> Result<(), S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom(
            "the empty type has no values, expected none",
        ))
    }
}

/// A list that is always empty. Clients of the old interface need the field, and
/// `vec record { text; empty }` is a subtype of whatever they expect in it.
pub type Nothing = Vec<(String, Never)>;

/// A whole capsule.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Capsule {
    pub id: String,
    /// The person the capsule is about; being the subject gives no right.
    pub subject: PersonRef,
    /// The owners, who read, write and appoint capsule controllers.
    pub owners: Vec<(PersonRef, OwnerState)>,
    /// The capsule controllers, who read and write.
    pub controllers: Vec<(PersonRef, ControllerState)>,
    /// Nanoseconds since 1970.
    pub created_at: u64,
    /// Nanoseconds since 1970.
    pub updated_at: u64,
    /// Always `false`: a field of the old interface.
    pub bound_to_neon: bool,
    /// Bytes; always 0, because no file is stored inline.
    pub inline_bytes_used: u64,
    pub memories: Nothing,
    pub galleries: Nothing,
    pub connections: Nothing,
    pub connection_groups: Nothing,
}

/// A capsule as one caller sees it.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CapsuleInfo {
    pub capsule_id: String,
    pub subject: PersonRef,
    pub is_owner: bool,
    pub is_controller: bool,
    /// Whether the caller is the subject.
    pub is_self_capsule: bool,
    /// Always `false`: a field of the old interface.
    pub bound_to_neon: bool,
    /// Nanoseconds since 1970.
    pub created_at: u64,
    /// Nanoseconds since 1970.
    pub updated_at: u64,
    pub memory_count: u64,
    /// Always 0: a field of the old interface.
    pub gallery_count: u64,
    /// Always 0: a field of the old interface.
    pub connection_count: u64,
}

/// A capsule as an entry of a list.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CapsuleHeader {
    pub id: String,
    pub subject: PersonRef,
    pub owner_count: u64,
    pub controller_count: u64,
    pub memory_count: u64,
    /// Nanoseconds since 1970.
    pub created_at: u64,
    /// Nanoseconds since 1970.
    pub updated_at: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden bytes of an empty list. Clients accept it as a list of whatever they expect.
    #[test]
    fn an_empty_list_reads_as_any_list_of_pairs() {
        let bytes = candid::encode_one(Nothing::new()).unwrap();
        assert_eq!(
            bytes,
            b"DIDL\x02\x6d\x01\x6c\x02\x00\x71\x01\x6f\x01\x00\x00"
        );
        let read: Vec<(String, u64)> = candid::decode_one(&bytes).unwrap();
        assert!(read.is_empty());
        let read: Vec<(String, PersonRef)> = candid::decode_one(&bytes).unwrap();
        assert!(read.is_empty());
    }
}
