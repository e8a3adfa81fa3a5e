//! Settings that an operator mistypes: in another unit, or 0.

use capsule_shared::gateway::GatewayArgs;

/// A setting of the gateway, and a value that is out of its range.
pub type WrongSetting = (&'static str, u64);

/// Each number among the settings, in the units that people mistake it for.
pub const WRONG_SETTINGS: [WrongSetting; 15] = [
    ("max_sessions_per_principal", 0),
    ("max_sessions_per_capsule", 0),
    ("max_sessions", u32::MAX as u64),
    ("max_bytes_per_capsule", 0),
    // In GiB.
    ("max_bytes_per_capsule", 50),
    ("session_ttl_ns", 0),
    // In seconds.
    ("session_ttl_ns", 24 * 3_600),
    ("committed_retention_ns", 0),
    ("committed_retention_ns", 24 * 3_600),
    ("reorder_window", 1_000_000),
    ("max_bytes_per_principal_per_day", 64),
    ("max_bytes_per_day", 256),
    ("max_capsules_per_principal", 0),
    ("trash_retention_ns", 6 * 3_600),
    ("trash_retention_ns", u64::MAX),
];

/// The arguments of `configure` with this value. They also change a setting to a fine value, which
/// must not happen either.
pub fn args((name, value): WrongSetting) -> GatewayArgs {
    let mut args = GatewayArgs {
        allow_anonymous: Some(true),
        ..GatewayArgs::default()
    };
    let small = u32::try_from(value).ok();
    match name {
        "max_sessions_per_principal" => args.max_sessions_per_principal = small,
        "max_sessions_per_capsule" => args.max_sessions_per_capsule = small,
        "max_sessions" => args.max_sessions = small,
        "max_bytes_per_capsule" => args.max_bytes_per_capsule = Some(value),
        "session_ttl_ns" => args.session_ttl_ns = Some(value),
        "committed_retention_ns" => args.committed_retention_ns = Some(value),
        "reorder_window" => args.reorder_window = small,
        "max_bytes_per_principal_per_day" => args.max_bytes_per_principal_per_day = Some(value),
        "max_bytes_per_day" => args.max_bytes_per_day = Some(value),
        "max_capsules_per_principal" => args.max_capsules_per_principal = small,
        "trash_retention_ns" => args.trash_retention_ns = Some(value),
        other => unreachable!("BUG: {other} is no setting that is a number"),
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_setting_is_given_to_the_gateway() {
        let harmless = GatewayArgs {
            allow_anonymous: Some(true),
            ..GatewayArgs::default()
        };
        for wrong in WRONG_SETTINGS {
            assert_ne!(args(wrong), harmless, "{wrong:?}");
        }
    }
}
