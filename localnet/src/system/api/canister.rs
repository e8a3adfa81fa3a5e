//! The canister itself: identity, time, cycles, certified data, timer, environment, prints and traps.

use super::calls::principal;
use super::*;
use crate::core::prices;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    identity::<I>(linker)?;
    cycles::<I>(linker)?;
    costs::<I>(linker)?;
    certified::<I>(linker)?;
    environment::<I>(linker)?;
    talk::<I>(linker)
}

fn identity<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap("ic0", "canister_self_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "canister_self_size", modes::ANY, COMMON)?;
        Ok(I::of(c.data().canister.as_slice().len()))
    })?;
    linker.func_wrap(
        "ic0",
        "canister_self_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "canister_self_copy", modes::ANY, cost)?;
            let id = c.data().canister;
            copy_out(
                &mut c,
                "canister_self_copy",
                id.as_slice(),
                dst,
                offset,
                size,
            )
        },
    )?;
    linker.func_wrap("ic0", "subnet_self_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "subnet_self_size", modes::ANY, COMMON)?;
        Ok(I::of(c.data().subnet.as_slice().len()))
    })?;
    linker.func_wrap(
        "ic0",
        "subnet_self_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "subnet_self_copy", modes::ANY, cost)?;
            let id = c.data().subnet;
            copy_out(&mut c, "subnet_self_copy", id.as_slice(), dst, offset, size)
        },
    )?;
    linker.func_wrap("ic0", "canister_status", |mut c: Ctx<'_>| -> Res<u32> {
        enter(&mut c, "canister_status", modes::ANY, COMMON)?;
        Ok(c.data().status)
    })?;
    linker.func_wrap("ic0", "canister_version", |mut c: Ctx<'_>| -> Res<u64> {
        enter(&mut c, "canister_version", modes::ANY, COMMON)?;
        Ok(c.data().version)
    })?;
    linker.func_wrap(
        "ic0",
        "is_controller",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<u32> {
            let cost = by_size(1_000, 1, size);
            enter(&mut c, "is_controller", modes::ANY, cost)?;
            let who = principal(read(&c, "ic0.is_controller", src, size)?)?;
            Ok(c.data().controllers.contains(&who).into())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "in_replicated_execution",
        |mut c: Ctx<'_>| -> Res<u32> {
            enter(&mut c, "in_replicated_execution", modes::ANY, COMMON)?;
            Ok(c.data().mode.is_replicated().into())
        },
    )?;
    linker.func_wrap("ic0", "time", |mut c: Ctx<'_>| -> Res<u64> {
        enter(&mut c, "time", modes::ANY, COMMON)?;
        Ok(c.data().time)
    })?;
    linker.func_wrap(
        "ic0",
        "global_timer_set",
        |mut c: Ctx<'_>, at: u64| -> Res<u64> {
            enter(&mut c, "global_timer_set", modes::LASTING, COMMON)?;
            let host = c.data_mut();
            let former = host.new_timer.or(host.timer).unwrap_or(0);
            host.new_timer = Some(at);
            Ok(former)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "performance_counter",
        |mut c: Ctx<'_>, kind: u32| -> Res<u64> {
            enter(&mut c, "performance_counter", modes::ANY, 200)?;
            let parts = c.data().parts.expect("BUG: checked by enter");
            let left = parts.counter.get(&mut c).i64().unwrap_or(0);
            let host = c.data();
            let now = (host.instruction_limit as i64 - left) as u64;
            match kind {
                0 => Ok(now),
                1 => Ok(now + host.former_instructions),
                _ => Err(
                    Fault::Contract(format!("Error getting performance counter type {kind}"))
                        .into(),
                ),
            }
        },
    )?;
    Ok(())
}

fn cycles<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap(
        "ic0",
        "canister_cycle_balance",
        |mut c: Ctx<'_>| -> Res<u64> {
            enter(&mut c, "canister_cycle_balance", modes::ANY, COMMON)?;
            Ok(low64("canister_cycle_balance", c.data().funds.balance)?)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "canister_cycle_balance128",
        |mut c: Ctx<'_>, dst: I| -> Res<()> {
            enter(&mut c, "canister_cycle_balance128", modes::ANY, COMMON)?;
            let balance = c.data().funds.balance;
            write_amount(&mut c, "canister_cycle_balance128", dst, balance)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "canister_liquid_cycle_balance128",
        |mut c: Ctx<'_>, dst: I| -> Res<()> {
            enter(
                &mut c,
                "canister_liquid_cycle_balance128",
                modes::ANY,
                COMMON,
            )?;
            let liquid = c.data().liquid();
            write_amount(&mut c, "canister_liquid_cycle_balance128", dst, liquid)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "cycles_burn128",
        |mut c: Ctx<'_>, high: u64, low: u64, dst: I| -> Res<()> {
            const BURN: &[Mode] = modes::REPLICATED;
            enter(&mut c, "cycles_burn128", BURN, COMMON)?;
            let burned = amount(high, low).min(c.data().liquid());
            c.data_mut().funds.balance -= burned;
            write_amount(&mut c, "cycles_burn128", dst, burned)
        },
    )?;
    Ok(())
}

/// What the prices of signatures answer instead of a price.
const UNKNOWN_CURVE: u32 = 1;
const UNKNOWN_KEY: u32 = 2;

/// What things cost, so that canisters can ask before they pay.
fn costs<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap(
        "ic0",
        "cost_call",
        |mut c: Ctx<'_>, method: u64, payload: u64, dst: I| -> Res<()> {
            enter(&mut c, "cost_call", modes::ANY, COMMON)?;
            write_amount(&mut c, "cost_call", dst, prices::call(method, payload))
        },
    )?;
    linker.func_wrap(
        "ic0",
        "cost_create_canister",
        |mut c: Ctx<'_>, dst: I| -> Res<()> {
            enter(&mut c, "cost_create_canister", modes::ANY, COMMON)?;
            write_amount(&mut c, "cost_create_canister", dst, prices::CREATE_CANISTER)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "cost_http_request",
        |mut c: Ctx<'_>, request: u64, response: u64, dst: I| -> Res<()> {
            enter(&mut c, "cost_http_request", modes::ANY, COMMON)?;
            let price = prices::http_request(request, response);
            write_amount(&mut c, "cost_http_request", dst, price)
        },
    )?;
    for (name, curves) in [
        ("cost_sign_with_ecdsa", 1),
        ("cost_sign_with_schnorr", 2),
        ("cost_vetkd_derive_key", 1),
    ] {
        linker.func_wrap(
            "ic0",
            name,
            move |mut c: Ctx<'_>, src: I, size: I, curve: u32, _: I| -> Res<u32> {
                enter(&mut c, name, modes::ANY, COMMON)?;
                read(&c, name, src, size)?;
                // No key is known to this network, whatever its name is.
                Ok(if curve < curves {
                    UNKNOWN_KEY
                } else {
                    UNKNOWN_CURVE
                })
            },
        )?;
    }
    Ok(())
}

fn certified<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    const CERTIFICATE: &[Mode] = &[Mode::Query, Mode::CompositeQuery];
    linker.func_wrap("ic0", "certified_data_set", |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
        let cost = by_size(COMMON, 1, size);
        enter(&mut c, "certified_data_set", modes::CERTIFY, cost)?;
        let size: u64 = size.into();
        if size > 32 {
            return Err(Fault::Contract(format!(
                "ic0_certified_data_set failed because the passed data must be no larger than 32 bytes. Found {size} bytes."
            ))
            .into());
        }
        let data = read(&c, "ic0.certified_data_set", src, size)?.to_vec();
        c.data_mut().certified_data = Some(data);
        Ok(())
    })?;
    linker.func_wrap(
        "ic0",
        "data_certificate_present",
        |mut c: Ctx<'_>| -> Res<u32> {
            enter(&mut c, "data_certificate_present", modes::ANY, COMMON)?;
            Ok(c.data().certificate.is_some().into())
        },
    )?;
    linker.func_wrap("ic0", "data_certificate_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "data_certificate_size", CERTIFICATE, COMMON)?;
        Ok(I::of(certificate(&c)?.len()))
    })?;
    linker.func_wrap(
        "ic0",
        "data_certificate_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "data_certificate_copy", CERTIFICATE, cost)?;
            let bytes = certificate(&c)?;
            copy_out(&mut c, "data_certificate_copy", &bytes, dst, offset, size)
        },
    )?;
    Ok(())
}

fn certificate(c: &Ctx) -> Result<Vec<u8>, Fault> {
    c.data().certificate.clone().ok_or_else(|| {
        Fault::Contract("ic0_data_certificate_size: there is no certificate in this message".into())
    })
}

fn environment<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap("ic0", "env_var_count", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "env_var_count", modes::ANY, COMMON)?;
        Ok(I::of(c.data().environment.len()))
    })?;
    linker.func_wrap(
        "ic0",
        "env_var_name_size",
        |mut c: Ctx<'_>, index: I| -> Res<I> {
            enter(&mut c, "env_var_name_size", modes::ANY, COMMON)?;
            Ok(I::of(name_of(&c, index.into())?.len()))
        },
    )?;
    linker.func_wrap(
        "ic0",
        "env_var_name_copy",
        |mut c: Ctx<'_>, index: I, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "env_var_name_copy", modes::ANY, cost)?;
            let name = name_of(&c, index.into())?;
            copy_out(
                &mut c,
                "env_var_name_copy",
                name.as_bytes(),
                dst,
                offset,
                size,
            )
        },
    )?;
    linker.func_wrap(
        "ic0",
        "env_var_name_exists",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<u32> {
            enter(&mut c, "env_var_name_exists", modes::ANY, COMMON)?;
            Ok(value_of(&c, src, size)?.is_some().into())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "env_var_value_size",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<I> {
            enter(&mut c, "env_var_value_size", modes::ANY, COMMON)?;
            Ok(I::of(existing_value(&c, src, size)?.len()))
        },
    )?;
    linker.func_wrap(
        "ic0",
        "env_var_value_copy",
        |mut c: Ctx<'_>, src: I, name_size: I, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "env_var_value_copy", modes::ANY, cost)?;
            let value = existing_value(&c, src, name_size)?;
            copy_out(
                &mut c,
                "env_var_value_copy",
                value.as_bytes(),
                dst,
                offset,
                size,
            )
        },
    )?;
    linker.func_wrap("ic0", "root_key_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "root_key_size", modes::REPLICATED, COMMON)?;
        Ok(I::of(c.data().root_key.len()))
    })?;
    linker.func_wrap(
        "ic0",
        "root_key_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "root_key_copy", modes::REPLICATED, cost)?;
            let key = c.data().root_key.clone();
            copy_out(&mut c, "root_key_copy", &key, dst, offset, size)
        },
    )?;
    Ok(())
}

fn name_of(c: &Ctx, index: u64) -> Result<String, Fault> {
    let environment = &c.data().environment;
    let found = environment
        .get(usize::try_from(index).unwrap_or(usize::MAX))
        .map(|(name, _)| name.clone());
    found.ok_or_else(|| {
        Fault::Contract(format!(
            "ic0.env_var_name: index {index} is out of bounds, there are {} environment variables",
            environment.len()
        ))
    })
}

fn value_of(c: &Ctx, src: impl Into<u64>, size: impl Into<u64>) -> Result<Option<String>, Fault> {
    let name = std::str::from_utf8(read(c, "ic0.env_var_name", src, size)?)
        .map_err(|_| Fault::Contract("ic0.env_var_name: invalid UTF-8 string provided".into()))?;
    let found = c.data().environment.iter().find(|(n, _)| n == name);
    Ok(found.map(|(_, value)| value.clone()))
}

fn existing_value(c: &Ctx, src: impl Into<u64>, size: impl Into<u64>) -> Result<String, Fault> {
    value_of(c, src, size)?.ok_or_else(|| {
        Fault::Contract("ic0.env_var_value: there is no environment variable of this name".into())
    })
}

/// Prints and traps, which the start function may use too.
fn talk<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap(
        "ic0",
        "debug_print",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
            // 52,260 for 1,000 bytes: copying them and keeping them in the log
            charge(&mut c, by_size(10_000, 5_216, size) / 100)?;
            let text = read(&c, "ic0.debug_print", src, size)?;
            // no log keeps more of it
            let kept = text[..text.len().min(prices::MAX_LOG)].to_vec();
            c.data_mut().logs.push(kept);
            Ok(())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "trap",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
            charge(&mut c, by_size(COMMON, 1, size))?;
            let shown = size.into().min(prices::MAX_REJECT_MESSAGE as u64);
            read(&c, "ic0.trap", src, size)?;
            let text = String::from_utf8_lossy(read(&c, "ic0.trap", src, shown)?).into_owned();
            Err(Fault::Called(text).into())
        },
    )?;
    Ok(())
}
