//! Reports on the settings: the effect of a change, and stored values out of range.

use super::ranges::RANGES;
use super::settings::Config;
use capsule_shared::gateway::{CapsuleCreators, GatewayConfig, SettingChange};

impl Config {
    /// The settings of `new` that differ from those in force now, in the order of the interface.
    pub fn changes(&self, new: &Config) -> Vec<SettingChange> {
        let (from, to) = (texts(self.public()), texts(new.public()));
        let pairs = from.into_iter().zip(to);
        let changed = pairs.filter(|(from, to)| from.1 != to.1);
        changed
            .map(|((name, from), (_, to))| change(name, from, to))
            .collect()
    }

    /// The settings whose stored value is out of range, and the values that are in force instead.
    /// Release 0.1.0 took such values.
    pub fn out_of_range(&self) -> Vec<SettingChange> {
        let numbers = RANGES.iter().map(|range| {
            let values = ((range.of)(&self.stored), (range.of)(self.public()));
            (range.name, values)
        });
        let apart = numbers.filter(|(_, (stored, in_force))| stored != in_force);
        apart
            .map(|(name, (from, to))| change(name, from.to_string(), to.to_string()))
            .collect()
    }
}

fn change(name: &str, from: String, to: String) -> SettingChange {
    SettingChange {
        name: name.to_string(),
        from,
        to,
    }
}

/// Every setting but the stores, with its value as text.
fn texts(config: &GatewayConfig) -> Vec<(&'static str, String)> {
    let index = config.memory_index;
    let creators = match &config.capsule_creators {
        CapsuleCreators::Anyone => "Anyone".to_string(),
        CapsuleCreators::Listed(list) => {
            let list: Vec<_> = list.iter().map(|id| id.to_text()).collect();
            format!("Listed [{}]", list.join(", "))
        }
    };
    let mut texts = vec![
        (
            "memory_index",
            index.map_or("none".into(), |id| id.to_text()),
        ),
        ("allow_anonymous", config.allow_anonymous.to_string()),
        ("capsule_creators", creators),
    ];
    texts.extend(
        RANGES
            .iter()
            .map(|range| (range.name, (range.of)(config).to_string())),
    );
    texts
}
