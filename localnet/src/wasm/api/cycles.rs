//! The cycles of the canister, and the prices of things.

use super::context::{COMMON, Ctx, Pointer, Res, amount, enter, low64, read, write_amount};
use super::modes;
use crate::prices;
use crate::wasm::host::Host;
use crate::wasm::mode::Mode;
use wasmtime::Linker;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    balances::<I>(linker)?;
    costs::<I>(linker)
}

fn balances<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
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

/// The functions for prices of signatures return these instead of a price.
const UNKNOWN_CURVE: u32 = 1;
const UNKNOWN_KEY: u32 = 2;

/// Prices that canisters can ask for before they pay.
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
                // this network has no keys
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
