//! Converts the configuration of a new instance. An option that localnet doesn't support is refused
//! by its name.

use crate::replica::NetworkConfig;
use pocket_ic::common::rest::{
    AutoProgressConfig, CanisterCyclesCostSchedule, ExtendedSubnetConfigSet, IcpConfig,
    IcpConfigFlag, IncompleteStateFlag, InitialTime, InstanceConfig, SubnetInstructionConfig,
    SubnetSpec,
};
use std::path::PathBuf;

/// The configuration in localnet's own types.
pub struct Converted {
    pub network: NetworkConfig,
    pub auto_progress: Option<AutoProgressConfig>,
    /// The folder that keeps the instance's state, if any.
    pub state: Option<PathBuf>,
}

/// Converts the configuration.
///
/// # Errors
///
/// Names the first option that localnet doesn't support.
pub fn convert(config: InstanceConfig) -> Result<Converted, String> {
    // destructured, so that a new option of the protocol doesn't compile until someone decides
    // about it
    let InstanceConfig {
        subnet_config_set,
        http_gateway_config,
        state_dir,
        icp_config,
        log_level,
        bitcoind_addr,
        dogecoind_addr,
        icp_features,
        incomplete_state,
        initial_time,
        mainnet_nns_subnet_id,
        disable_ingress_validation,
    } = config;
    refuse(http_gateway_config.is_some(), "http_gateway_config")?;
    refuse(log_level.is_some(), "log_level")?;
    refuse(bitcoind_addr.is_some(), "bitcoind_addr")?;
    refuse(dogecoind_addr.is_some(), "dogecoind_addr")?;
    refuse(
        incomplete_state == Some(IncompleteStateFlag::Enabled),
        "incomplete_state",
    )?;
    refuse(mainnet_nns_subnet_id == Some(true), "mainnet_nns_subnet_id")?;
    refuse(
        disable_ingress_validation == Some(true),
        "disable_ingress_validation",
    )?;
    if let Some(features) = icp_features {
        let wanted = serde_json::to_value(features).map_err(|e| e.to_string())?;
        for (name, value) in wanted.as_object().into_iter().flatten() {
            refuse(!value.is_null(), &format!("icp_features.{name}"))?;
        }
    }
    let no_rate_limiting = icp_flags(icp_config.unwrap_or_default())?;
    let (initial_time, auto_progress) = match initial_time {
        None => (None, None),
        Some(InitialTime::Timestamp(time)) => (Some(time.nanos_since_epoch), None),
        Some(InitialTime::AutoProgress(progress)) => (None, Some(progress)),
    };
    Ok(Converted {
        network: NetworkConfig {
            initial_time,
            no_rate_limiting,
            ..subnets(subnet_config_set)?
        },
        auto_progress,
        state: state_dir,
    })
}

fn refuse(wanted: bool, option: &str) -> Result<(), String> {
    if wanted {
        return Err(format!(
            "localnet does not support the option {option} of an instance, expected none"
        ));
    }
    Ok(())
}

/// Whether canisters have no limits on what they may do in a round. The other flags may only ask
/// for localnet's fixed behaviour.
fn icp_flags(config: IcpConfig) -> Result<bool, String> {
    let IcpConfig {
        beta_features,
        function_name_length_limits,
        canister_execution_rate_limiting,
    } = config;
    refuse(
        beta_features == Some(IcpConfigFlag::Enabled),
        "icp_config.beta_features = Enabled",
    )?;
    refuse(
        function_name_length_limits.is_some(),
        "icp_config.function_name_length_limits",
    )?;
    Ok(canister_execution_rate_limiting == Some(IcpConfigFlag::Disabled))
}

fn subnets(set: ExtendedSubnetConfigSet) -> Result<NetworkConfig, String> {
    set.validate()?;
    let ExtendedSubnetConfigSet {
        nns,
        sns,
        ii,
        fiduciary,
        bitcoin,
        test_threshold_keys,
        system,
        application,
        cloud_engine,
        verified_application,
    } = set;
    refuse(
        test_threshold_keys.is_some(),
        "subnet_config_set.test_threshold_keys",
    )?;
    for spec in [&nns, &sns, &ii, &fiduciary, &bitcoin]
        .into_iter()
        .flatten()
    {
        plain_subnet(spec)?;
    }
    for spec in [&system, &application, &verified_application]
        .into_iter()
        .flatten()
    {
        plain_subnet(spec)?;
    }
    for spec in &cloud_engine {
        subnet(spec)?;
    }
    Ok(NetworkConfig {
        application_subnets: application.len(),
        system_subnets: system.len(),
        nns: nns.is_some(),
        ii: ii.is_some(),
        fiduciary: fiduciary.is_some(),
        sns: sns.is_some(),
        bitcoin: bitcoin.is_some(),
        cloud_engine: cloud_engine.len(),
        verified_application: verified_application.len(),
        ..NetworkConfig::default()
    })
}

fn subnet(spec: &SubnetSpec) -> Result<(), String> {
    refuse(
        !spec.is_supported() || spec.get_state_path().is_some(),
        "state_config of a subnet",
    )?;
    refuse(
        spec.get_instruction_config() == SubnetInstructionConfig::Benchmarking,
        "instruction_config = Benchmarking of a subnet",
    )?;
    refuse(
        spec.get_subnet_admins().is_some(),
        "subnet_admins of a subnet",
    )
}

/// Only cloud engines are free of charge, and they always are.
fn plain_subnet(spec: &SubnetSpec) -> Result<(), String> {
    subnet(spec)?;
    refuse(
        spec.get_cost_schedule() == CanisterCyclesCostSchedule::Free,
        "cost_schedule = Free of a subnet",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pocket_ic::common::rest::{IcpFeatures, IcpFeaturesConfig, RawTime};

    fn one_application_subnet() -> InstanceConfig {
        InstanceConfig {
            subnet_config_set: ExtendedSubnetConfigSet {
                application: vec![SubnetSpec::default()],
                ..Default::default()
            },
            icp_config: Some(IcpConfig::default()),
            icp_features: Some(IcpFeatures::default()),
            ..Default::default()
        }
    }

    #[test]
    fn counts_subnets() {
        let converted = convert(one_application_subnet()).expect("is supported");
        let (config, progress) = (converted.network, converted.auto_progress);
        assert_eq!(config.application_subnets, 1);
        assert_eq!(config.system_subnets + config.cloud_engine, 0);
        assert!(!config.nns && config.initial_time.is_none() && progress.is_none());

        let mut many = one_application_subnet();
        many.subnet_config_set.nns = Some(SubnetSpec::default());
        many.subnet_config_set.system = vec![SubnetSpec::default(); 2];
        many.initial_time = Some(InitialTime::Timestamp(RawTime {
            nanos_since_epoch: 7,
        }));
        let config = convert(many).expect("is supported").network;
        assert!(config.nns);
        assert_eq!((config.system_subnets, config.initial_time), (2, Some(7)));
    }

    #[test]
    fn limits_per_round_can_be_switched_off() {
        for (flag, off) in [
            (None, false),
            (Some(IcpConfigFlag::Enabled), false),
            (Some(IcpConfigFlag::Disabled), true),
        ] {
            let mut config = one_application_subnet();
            config.icp_config = Some(IcpConfig {
                canister_execution_rate_limiting: flag,
                ..Default::default()
            });
            let converted = convert(config).expect("is supported");
            assert_eq!(converted.network.no_rate_limiting, off);
        }
    }

    #[test]
    fn an_instance_without_subnets_is_refused() {
        assert!(convert(InstanceConfig::default()).is_err());
    }

    #[test]
    fn unsupported_options_are_refused_by_name() {
        type Change = fn(&mut InstanceConfig);
        let cases: [(&str, Change); 7] = [
            ("log_level", |c| c.log_level = Some("debug".to_string())),
            ("bitcoind_addr", |c| c.bitcoind_addr = Some(vec![])),
            ("icp_features.ii", |c| {
                c.icp_features = Some(IcpFeatures {
                    ii: Some(IcpFeaturesConfig::DefaultConfig),
                    ..Default::default()
                });
            }),
            ("beta_features", |c| {
                c.icp_config = Some(IcpConfig {
                    beta_features: Some(IcpConfigFlag::Enabled),
                    ..Default::default()
                });
            }),
            ("test_threshold_keys", |c| {
                c.subnet_config_set.test_threshold_keys = Some(SubnetSpec::default());
            }),
            ("instruction_config", |c| {
                c.subnet_config_set.application =
                    vec![SubnetSpec::default().with_benchmarking_instruction_config()];
            }),
            ("cost_schedule", |c| {
                c.subnet_config_set.application = vec![
                    SubnetSpec::default().with_cost_schedule(CanisterCyclesCostSchedule::Free),
                ];
            }),
        ];
        for (name, change) in cases {
            let mut config = one_application_subnet();
            change(&mut config);
            let error = convert(config).err().expect(name);
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
