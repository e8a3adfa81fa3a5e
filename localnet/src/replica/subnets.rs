//! The subnets of a network: their keys and the ranges of their canisters.

use super::certificate::{MAX_SUBNETS, SubnetKey};
use super::ids::{FIRST_ID, RANGE, canister_id};
use super::types::{NetworkConfig, SubnetInfo, SubnetKind};

/// A subnet and the numbers of its canister ids.
pub(crate) struct Subnet {
    pub info: SubnetInfo,
    pub key: &'static SubnetKey,
    pub(super) first: u64,
    pub(super) next: u64,
}

/// The subnets of a configuration, the root first. Fails without any and with more than 16.
pub fn subnets(config: &NetworkConfig) -> Result<Vec<Subnet>, String> {
    let mut kinds = vec![];
    for (wanted, kind) in [
        (config.nns, SubnetKind::Nns),
        (config.ii, SubnetKind::Ii),
        (config.fiduciary, SubnetKind::Fiduciary),
        (config.sns, SubnetKind::Sns),
        (config.bitcoin, SubnetKind::Bitcoin),
    ] {
        kinds.extend(wanted.then_some(kind));
    }
    for (count, kind) in [
        (config.system_subnets, SubnetKind::System),
        (config.verified_application, SubnetKind::VerifiedApplication),
        (config.cloud_engine, SubnetKind::CloudEngine),
        (config.application_subnets, SubnetKind::Application),
    ] {
        kinds.extend(std::iter::repeat_n(kind, count));
    }
    if kinds.is_empty() {
        return Err("a network needs at least one subnet".into());
    }
    if kinds.len() > MAX_SUBNETS {
        return Err(format!(
            "at most {MAX_SUBNETS} subnets, not {}",
            kinds.len()
        ));
    }
    let count = kinds.len() as u64;
    // the first subnet (the NNS, if there is one) is the root
    let subnets = (0..).zip(kinds).map(|(i, kind)| {
        let key = SubnetKey::numbered(i as usize);
        // the last subnet (an application subnet, if there is one) gets the ids that PocketIC
        // assigns first
        let first = FIRST_ID + (16 - (count - 1 - i)) * RANGE;
        Subnet {
            info: SubnetInfo {
                id: key.id(),
                kind,
                canister_ranges: vec![(canister_id(first), canister_id(first + RANGE - 1))],
                node_count: 13,
            },
            key,
            first,
            next: first,
        }
    });
    Ok(subnets.collect())
}
