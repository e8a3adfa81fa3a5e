//! Capsules as frontends see them. Times are nanoseconds since 1970.

use candid::types::{Serializer, Type, TypeInner};
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonRef {
    Opaque(String),
    Principal(Principal),
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct OwnerState {
    pub since: u64,
    pub last_activity_at: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ControllerState {
    pub granted_at: u64,
    pub granted_by: PersonRef,
}

/// Candid's `empty`, the type without values (candid's own `Empty` can't be cloned or compared).
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
        Err(serde::de::Error::custom("the empty type has no values"))
    }
}

/// Always empty here: clients of the old interface need the field, and `vec record { text; empty }` is a subtype of
/// whatever they expect in it.
pub type Nothing = Vec<(String, Never)>;

#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Capsule {
    pub id: String,
    pub subject: PersonRef,
    pub owners: Vec<(PersonRef, OwnerState)>,
    pub controllers: Vec<(PersonRef, ControllerState)>,
    pub created_at: u64,
    pub updated_at: u64,
    pub bound_to_neon: bool,
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
    pub is_self_capsule: bool,
    pub bound_to_neon: bool,
    pub created_at: u64,
    pub updated_at: u64,
    pub memory_count: u64,
    pub gallery_count: u64,
    pub connection_count: u64,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CapsuleHeader {
    pub id: String,
    pub subject: PersonRef,
    pub owner_count: u64,
    pub controller_count: u64,
    pub memory_count: u64,
    pub created_at: u64,
    pub updated_at: u64,
}
