//! A store as the registry keeps it, and the room that it has for new uploads.

use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use capsule_shared::blob_store::StoreReserve;
use capsule_shared::stores::{StoreReport, StoreState};

/// A store of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The registry lists its stores by this number, which counts up.
    pub number: u32,
    pub state: StoreState,
    /// The most bytes that the operator lets it hold.
    pub capacity_bytes: Option<u64>,
    pub promised: Promised,
    /// Since when it gives no usable answer, in nanoseconds since 1970.
    pub silent_since: Option<u64>,
    pub report: Option<StoreReport>,
}

/// Bytes that known uploaders announced to this gateway and that the last report doesn't count.
///
/// They are in stable memory, because a start couldn't sum them up from the sessions: a committed
/// one has forgotten its store, and none knows whether the last report counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promised {
    /// Before the store was asked for its next report, which will count them.
    pub before: u64,
    /// Since then.
    pub since: u64,
}

impl Promised {
    pub fn sum(self) -> u64 {
        self.before.saturating_add(self.since)
    }
}

impl Store {
    /// A new store, which takes uploads.
    pub fn new(number: u32) -> Self {
        Store {
            number,
            state: StoreState::Active,
            capacity_bytes: None,
            promised: Promised::default(),
            silent_since: None,
            report: None,
        }
    }

    /// Counts the bytes of an upload that is being opened there.
    pub fn promise(&mut self, bytes: u64) {
        self.promised.since = self.promised.since.saturating_add(bytes);
    }

    /// The store is being asked for a report, which will count all uploads that were opened before:
    /// calls from one canister to another arrive in the order in which they were sent.
    pub fn asked(&mut self) {
        self.promised = Promised {
            before: self.promised.sum(),
            since: 0,
        };
    }

    /// The store answered.
    pub fn reported(&mut self, report: StoreReport) {
        self.promised.before = 0;
        self.silent_since = None;
        self.report = Some(report);
    }

    /// Whether the operator's bound lets the store take so many bytes more. A bounded store without
    /// a report takes none, because nobody knows how much it holds.
    pub fn may_take(&self, bytes: u64) -> bool {
        let Some(most) = self.capacity_bytes else {
            return true;
        };
        self.report.as_ref().is_some_and(|report| {
            let taken = report.used_bytes.saturating_add(report.promised_bytes);
            let taken = taken.saturating_add(self.promised.sum());
            taken.saturating_add(bytes) <= most
        })
    }

    /// Bytes for new uploads, by the last report, the operator's bound and the promises since.
    /// `None` without a report.
    pub fn free(&self) -> Option<u64> {
        let report = self.report.as_ref()?;
        let taken = report.used_bytes.saturating_add(report.promised_bytes);
        let most = self.capacity_bytes.unwrap_or(u64::MAX);
        let free = report.free_bytes.min(most.saturating_sub(taken));
        Some(free.saturating_sub(self.promised.sum()))
    }
}

/// The registry's note about a canister.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    Store(Store),
    /// The operator retired this store, so that its name in the environment doesn't bring it back.
    Retired,
}

const RETIRED: u8 = 4;

fn byte_of(state: StoreState) -> u8 {
    match state {
        StoreState::Active => 0,
        StoreState::ReadOnly => 1,
        StoreState::Draining => 2,
        StoreState::Offline => 3,
    }
}

/// Layout, version 1, integers little-endian. An optional field is 0, or 1 and its value.
///
/// ```text
/// u8        state; 4 is a retired store, and nothing follows
/// u32       number
/// u64       promised before the last question, and since
/// opt u64   capacity
/// opt u64   silent since
/// opt       report: u64 at, u32 schema, u64 blobs, used, promised, free, capacity,
///           u128 cycles, opt (u128 reserve, u128 its limit)
/// ```
impl Record for Noted {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        let Noted::Store(store) = self else {
            return fields.u8(RETIRED);
        };
        let Store {
            number,
            state,
            capacity_bytes,
            promised: Promised { before, since },
            silent_since,
            report,
        } = store;
        let fields = fields.u8(byte_of(*state)).u32(*number);
        let fields = fields.u64(*before).u64(*since);
        let fields = optional(fields, capacity_bytes.as_ref(), |f, bytes| f.u64(*bytes));
        let fields = optional(fields, silent_since.as_ref(), |f, time| f.u64(*time));
        optional(fields, report.as_ref(), write_report)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        let state = match fields.u8() {
            0 => StoreState::Active,
            1 => StoreState::ReadOnly,
            2 => StoreState::Draining,
            3 => StoreState::Offline,
            RETIRED => return Noted::Retired,
            other => panic!("BUG: a store has the unknown state {other}"),
        };
        Noted::Store(Store {
            state,
            number: fields.u32(),
            promised: Promised {
                before: fields.u64(),
                since: fields.u64(),
            },
            capacity_bytes: read_optional(fields, Reader::u64),
            silent_since: read_optional(fields, Reader::u64),
            report: read_optional(fields, read_report),
        })
    }
}

storable!(Noted);

/// Destructures the report, so that a new field doesn't compile until someone decides how to store
/// it.
fn write_report(fields: Writer, report: &StoreReport) -> Writer {
    let StoreReport {
        at,
        schema,
        blobs,
        used_bytes,
        promised_bytes,
        free_bytes,
        capacity_bytes,
        cycles,
        reserve,
    } = report;
    let fields = fields.u64(*at).u32(*schema).u64(*blobs).u64(*used_bytes);
    let fields = fields.u64(*promised_bytes).u64(*free_bytes);
    let fields = fields.u64(*capacity_bytes).raw(&cycles.to_le_bytes());
    optional(fields, reserve.as_ref(), |fields, reserve| {
        let StoreReserve {
            cycles,
            limit_cycles,
        } = reserve;
        let fields = fields.raw(&cycles.to_le_bytes());
        fields.raw(&limit_cycles.to_le_bytes())
    })
}

fn read_report(fields: &mut Reader<'_>) -> StoreReport {
    StoreReport {
        at: fields.u64(),
        schema: fields.u32(),
        blobs: fields.u64(),
        used_bytes: fields.u64(),
        promised_bytes: fields.u64(),
        free_bytes: fields.u64(),
        capacity_bytes: fields.u64(),
        cycles: u128::from_le_bytes(fields.array()),
        reserve: read_optional(fields, |fields| StoreReserve {
            cycles: u128::from_le_bytes(fields.array()),
            limit_cycles: u128::from_le_bytes(fields.array()),
        }),
    }
}

fn optional<T>(fields: Writer, value: Option<&T>, write: fn(Writer, &T) -> Writer) -> Writer {
    match value {
        None => fields.u8(0),
        Some(value) => write(fields.u8(1), value),
    }
}

fn read_optional<'a, T>(
    fields: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> T,
) -> Option<T> {
    (fields.u8() == 1).then(|| read(fields))
}
