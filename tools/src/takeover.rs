//! Finds the three canisters of a deploy tool in a network whose state doesn't name them.
//!
//! Release 0.1.0 kept no such names, and each of its starts created three more: gateway, store and
//! index, in this order. The code in them tells which ones are in use.

use crate::deployment::Part;
use crate::metrics::get_from;
use candid::Principal;
use pocket_ic::PocketIc;
use std::fmt::Write;

/// So many ids in a row without a canister are the end of a range. Deleted ones leave gaps.
const GAP: u64 = 16;

/// The code of a canister.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Empty,
    Of(Part),
    /// The canister doesn't say what it is, for example because it is stopped.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    id: Principal,
    code: Code,
}

/// The canisters to go on with, in the order of [`Part::ALL`]; `None` for one that isn't there yet.
pub type Found = [Option<Principal>; 3];

/// Finds the canisters of `controller`. `mapped` are those that the deploy tool knew last.
///
/// # Errors
/// When there are canisters of somebody else only, or several that may be meant.
pub fn find(
    pic: &PocketIc,
    controller: Principal,
    mapped: Option<[Principal; 3]>,
) -> Result<Found, String> {
    let all = existing(pic);
    let (own, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|id| pic.get_controllers(*id).contains(&controller));
    if let (true, Some(other)) = (own.is_empty(), others.first()) {
        let theirs = pic.get_controllers(*other);
        let theirs = theirs.first().map_or("nobody".into(), Principal::to_text);
        return Err(format!(
            "the controller is {controller}, expected {theirs}, whose canisters are there"
        ));
    }
    let own = own.into_iter().map(|id| Seen {
        id,
        code: code(pic, controller, id),
    });
    choose(&own.collect::<Vec<_>>(), mapped)
}

/// All canisters of the network, in the order of their ids.
fn existing(pic: &PocketIc) -> Vec<Principal> {
    let mut found = Vec::new();
    for subnet in pic.topology().subnet_configs.into_values() {
        for range in subnet.canister_ranges {
            let start = number(&range.start.canister_id);
            let end = number(&range.end.canister_id);
            let (mut next, mut missing) = (start, 0);
            while next <= end && missing < GAP {
                let id = canister_id(next);
                match pic.canister_exists(id) {
                    true => {
                        found.push(id);
                        missing = 0;
                    }
                    false => missing += 1,
                }
                next += 1;
            }
        }
    }
    found.sort();
    found
}

/// The number of a canister id: its first eight bytes.
fn number(id: &[u8]) -> u64 {
    let bytes = id.first_chunk().expect("BUG: a canister id has ten bytes");
    u64::from_be_bytes(*bytes)
}

fn canister_id(number: u64) -> Principal {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend([1, 1]);
    Principal::from_slice(&bytes)
}

/// Asks what a canister is. The names of its metrics tell.
fn code(pic: &PocketIc, controller: Principal, id: Principal) -> Code {
    let status = pic.canister_status(id, Some(controller));
    if status.is_ok_and(|status| status.module_hash.is_none()) {
        return Code::Empty;
    }
    let metrics = get_from(pic, id, "/metrics").map_or(String::new(), |(_, body)| body);
    let is = |part: &Part| metrics.contains(&format!("\n# TYPE {}_", part.name()));
    Part::ALL
        .into_iter()
        .find(is)
        .map_or(Code::Unknown, Code::Of)
}

/// Decides which canisters are meant. `seen` are in the order of their creation.
fn choose(seen: &[Seen], mapped: Option<[Principal; 3]>) -> Result<Found, String> {
    let code_of = |id: &Principal| {
        seen.iter()
            .find(|seen| seen.id == *id)
            .map(|seen| seen.code)
    };
    let mapped = mapped.filter(|ids| ids.iter().all(|id| code_of(id).is_some()));
    if seen.iter().all(|seen| seen.code == Code::Empty) {
        // nothing is lost, whichever they are
        let first = (seen.len() / 3).saturating_sub(1) * 3;
        let last = [0, 1, 2].map(|place| seen.get(first + place).map(|seen| seen.id));
        return Ok(mapped.map_or(last, |ids| ids.map(Some)));
    }
    if let Some(only) = the_only_ones(seen) {
        return Ok(only.map(Some));
    }
    let in_use = |ids: &[Principal; 3]| {
        let parts = Part::ALL.into_iter().zip(ids);
        parts.into_iter().all(|(part, id)| match code_of(id) {
            Some(Code::Of(other)) => other == part,
            code => code == Some(Code::Unknown),
        })
    };
    match mapped.filter(in_use) {
        Some(ids) => Ok(ids.map(Some)),
        None => Err(several(seen)),
    }
}

/// Three canisters in a row that hold all the code there is, each in its place.
fn the_only_ones(seen: &[Seen]) -> Option<[Principal; 3]> {
    let with_code = |seen: &Seen| seen.code != Code::Empty;
    let rows = seen.windows(3).filter(|row| {
        let all = row.iter().filter(|seen| with_code(seen)).count();
        let fits = row
            .iter()
            .zip(Part::ALL)
            .all(|(seen, part)| match seen.code {
                Code::Of(other) => other == part,
                code => code == Code::Empty,
            });
        fits && all == seen.iter().filter(|seen| with_code(seen)).count()
    });
    let mut rows = rows.map(|row| [row[0].id, row[1].id, row[2].id]);
    rows.next().filter(|_| rows.next().is_none())
}

/// The error that shows all canisters with code.
fn several(seen: &[Seen]) -> String {
    let mut text = "several canisters may be meant, expected one of each kind:".to_string();
    for seen in seen.iter().filter(|seen| seen.code != Code::Empty) {
        let kind = match seen.code {
            Code::Of(part) => part.name(),
            _ => "unknown",
        };
        write!(text, " {} ({kind})", seen.id).expect("BUG: a text takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use Code::{Empty, Of, Unknown};
    use Part::{BlobStore, Gateway, MemoryIndex};

    const SET: [Code; 3] = [Of(Gateway), Of(BlobStore), Of(MemoryIndex)];
    const NEW: [Code; 3] = [Empty; 3];

    /// Chooses among canisters with this code. Returns their places.
    fn chosen(codes: &[Code], mapped: Option<usize>) -> Result<[Option<usize>; 3], String> {
        let seen = codes.iter().zip(0..).map(|(code, number)| Seen {
            id: canister_id(number),
            code: *code,
        });
        let mapped = mapped.map(|first| [0, 1, 2].map(|place| canister_id((first + place) as u64)));
        let found = choose(&seen.collect::<Vec<_>>(), mapped)?;
        Ok(found.map(|id| id.map(|id| number(id.as_slice()) as usize)))
    }

    fn row(first: usize) -> [Option<usize>; 3] {
        [0, 1, 2].map(|place| Some(first + place))
    }

    #[test]
    fn canisters_in_use_are_taken_over_whatever_was_mapped() {
        let codes = [NEW, SET, NEW, NEW].concat();
        for mapped in [None, Some(3), Some(9), Some(90)] {
            assert_eq!(chosen(&codes, mapped), Ok(row(3)), "{mapped:?}");
        }
        // a deployment that broke off
        let codes = [&NEW[..], &SET[..2], &[Empty], &NEW].concat();
        assert_eq!(chosen(&codes, Some(6)), Ok(row(3)));
    }

    #[test]
    fn empty_canisters_are_those_that_were_mapped_or_the_last_ones() {
        let codes = [NEW, NEW, NEW].concat();
        assert_eq!(chosen(&codes, Some(3)), Ok(row(3)));
        assert_eq!(chosen(&codes, None), Ok(row(6)));
        assert_eq!(chosen(&codes[..8], None), Ok(row(3)));
        assert_eq!(chosen(&codes[..2], None), Ok([Some(0), Some(1), None]));
        assert_eq!(chosen(&[], Some(0)), Ok([None; 3]));
    }

    #[test]
    fn of_several_in_use_the_mapped_ones_are_meant() {
        let codes = [SET, NEW, SET].concat();
        assert_eq!(chosen(&codes, Some(6)), Ok(row(6)));
        for mapped in [None, Some(3), Some(1)] {
            let error = chosen(&codes, mapped).unwrap_err();
            assert!(error.contains("(upload_gateway)"), "{error}");
            assert!(error.contains(&canister_id(6).to_text()), "{error}");
        }
    }

    #[test]
    fn canisters_that_say_nothing_are_taken_over_only_if_they_were_mapped() {
        let codes = [&[Unknown][..], &SET[1..], &NEW].concat();
        assert_eq!(chosen(&codes, Some(0)), Ok(row(0)));
        assert!(chosen(&codes, Some(3)).is_err());
        assert!(chosen(&codes, None).is_err());
        // one of another tool beside ours
        let codes = [&SET[..], &[Unknown]].concat();
        assert_eq!(chosen(&codes, Some(0)), Ok(row(0)));
    }
}
