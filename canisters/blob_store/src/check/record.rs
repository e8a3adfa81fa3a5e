//! The stored state of a check.
//!
//! Layout of version 1. Integers are little-endian:
//!
//! ```text
//! u8   version, 1
//! u8   whether it mends: 0 or 1
//! u8   whether it hashes: 0 or 1
//! u64  when it began, in nanoseconds since 1970
//! u8   stage: 0 space, 1 contents, 2 done, 3 ended
//! u64  blobs that were looked at
//! u64  blobs that were hashed
//! u64  their bytes
//! u64  sealed blobs without a SHA-256 to compare with
//! u64  faults
//! u64  mended faults
//! u32  faults that the report lists; of each: u8 kind, in the order of `FaultKind`; u8 whether it
//!      is mended; u8 length of the key (0 or 32) and the key; u32 length of the text and the text
//! u8   length of the key of the blob that is hashed, or that comes next (0 or 32), and the key
//! u8   length of its SHA-256 (0 until it is begun), and the SHA-256
//! ...  how far it is hashed, as in version 3 of `blob::record`
//! ```

use crate::blob::record::Hashed;
use canister_common::codec::{Reader, Record, Writer, unknown};
use canister_common::storable;
use capsule_shared::blob_store::{
    CheckOptions, CheckStage, CheckStatus, FaultKind, MAX_FAULTS_TOLD, StoreFault,
};
use serde_bytes::ByteBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub status: CheckStatus,
    /// The first blob that isn't hashed to its end.
    pub cursor: [u8; 32],
    /// The SHA-256 that the blob at the cursor should have, once it is begun.
    pub expected: Option<[u8; 32]>,
    pub hashed: Hashed,
}

impl Check {
    /// A check that begins now, in nanoseconds since 1970.
    pub fn begin(options: CheckOptions, now: u64) -> Self {
        Self {
            status: CheckStatus {
                options,
                begun_at: now,
                stage: CheckStage::Space,
                blobs: 0,
                hashed_blobs: 0,
                hashed_bytes: 0,
                without_sha256: 0,
                faults: 0,
                mended: 0,
                first_faults: Vec::new(),
            },
            cursor: [0; 32],
            expected: None,
            hashed: Hashed::default(),
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self.status.stage, CheckStage::Space | CheckStage::Contents)
    }

    /// Begins the count of blocks again. The report keeps what was mended.
    pub fn begin_again(&mut self) {
        let mended = self.status.mended;
        let listed = std::mem::take(&mut self.status.first_faults);
        *self = Check::begin(self.status.options, self.status.begun_at);
        self.status.faults = mended;
        self.status.mended = mended;
        self.status.first_faults = listed.into_iter().filter(|fault| fault.mended).collect();
    }

    /// A blob has a fault. Nobody mends it.
    pub fn found(&mut self, kind: FaultKind, key: Option<[u8; 32]>, text: String) {
        self.list(kind, key, text, false);
    }

    /// A total or a list is wrong, and maybe mended now.
    pub fn found_wrong(&mut self, kind: FaultKind, text: String, mended: bool) {
        self.list(kind, None, text, mended);
    }

    fn list(&mut self, kind: FaultKind, key: Option<[u8; 32]>, text: String, mended: bool) {
        self.status.faults += 1;
        self.status.mended += u64::from(mended);
        if self.status.first_faults.len() < MAX_FAULTS_TOLD {
            self.status.first_faults.push(StoreFault {
                kind,
                mended,
                key: key.map(ByteBuf::from),
                text,
            });
        }
    }
}

/// In the order of their numbers.
const STAGES: [CheckStage; 4] = [
    CheckStage::Space,
    CheckStage::Contents,
    CheckStage::Done,
    CheckStage::Ended,
];

/// In the order of their numbers.
const KINDS: [FaultKind; 9] = [
    FaultKind::Orphan,
    FaultKind::Twice,
    FaultKind::Outside,
    FaultKind::Run,
    FaultKind::Missing,
    FaultKind::BlobId,
    FaultKind::Free,
    FaultKind::Total,
    FaultKind::Sha256,
];

fn number_of<T: PartialEq>(all: &[T], one: &T) -> u8 {
    let place = all.iter().position(|other| other == one);
    place.expect("BUG: a value has no number") as u8
}

fn of_number<T: Copy>(all: &[T], number: u8) -> T {
    *all.get(usize::from(number))
        .unwrap_or_else(|| panic!("BUG: a check has the unknown number {number}"))
}

impl Record for Check {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        let status = &self.status;
        let fields = fields
            .u8(status.options.repair.into())
            .u8(status.options.contents.into())
            .u64(status.begun_at)
            .u8(number_of(&STAGES, &status.stage))
            .u64(status.blobs)
            .u64(status.hashed_blobs)
            .u64(status.hashed_bytes)
            .u64(status.without_sha256)
            .u64(status.faults)
            .u64(status.mended)
            .u32(status.first_faults.len() as u32);
        let fields = status.first_faults.iter().fold(fields, |fields, fault| {
            fields
                .u8(number_of(&KINDS, &fault.kind))
                .u8(fault.mended.into())
                .short(fault.key.as_ref().map_or(&[], |key| &key[..]))
                .blob(fault.text.as_bytes())
        });
        let expected = self.expected.as_ref();
        let fields = fields
            .short(&self.cursor)
            .short(expected.map_or(&[], |sha256| &sha256[..]));
        self.hashed.write(fields)
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        let options = CheckOptions {
            repair: fields.u8() == 1,
            contents: fields.u8() == 1,
        };
        let mut check = Check::begin(options, fields.u64());
        let status = &mut check.status;
        status.stage = of_number(&STAGES, fields.u8());
        status.blobs = fields.u64();
        status.hashed_blobs = fields.u64();
        status.hashed_bytes = fields.u64();
        status.without_sha256 = fields.u64();
        status.faults = fields.u64();
        status.mended = fields.u64();
        let told = fields.u32();
        status.first_faults = (0..told)
            .map(|_| StoreFault {
                kind: of_number(&KINDS, fields.u8()),
                mended: fields.u8() == 1,
                key: Some(fields.short())
                    .filter(|key| !key.is_empty())
                    .map(ByteBuf::from),
                text: fields.text(),
            })
            .collect();
        check.cursor = fields.short().try_into().expect("BUG: a key has 32 bytes");
        check.expected = fields.short().try_into().ok();
        check.hashed = Hashed::read(3, fields);
        check
    }
}

/// The check that runs, or the last one; `None` before the first.
///
/// Layout of version 1: u8 version, 1; then nothing, or a [`Check`] with its own version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastCheck(pub Option<Check>);

impl Record for LastCheck {
    const VERSION: u8 = 1;

    fn write(&self, fields: Writer) -> Writer {
        match &self.0 {
            None => fields.u8(0),
            Some(check) => check.write(fields.u8(Check::VERSION)),
        }
    }

    fn read(version: u8, fields: &mut Reader<'_>) -> Self {
        if version != 1 {
            unknown(version);
        }
        LastCheck(match fields.u8() {
            0 => None,
            version => Some(Check::read(version, fields)),
        })
    }
}

storable!(LastCheck);
