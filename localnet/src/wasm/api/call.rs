//! Calls to other canisters: build them and pay for them. The network sends them after the run.

use super::context::{COMMON, Ctx, Pointer, Res, amount, by_size, enter, principal, read};
use super::modes;
use crate::prices;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use crate::wasm::outgoing::{Closure, OutgoingCall};
use wasmtime::Linker;

/// `call_perform` returns this if the queue to the callee is full or the cycles do not suffice.
const SYS_TRANSIENT: u32 = 2;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap(
        "ic0",
        "call_new",
        |mut c: Ctx<'_>,
         callee: I,
         callee_size: I,
         name: I,
         name_size: I,
         reply: I,
         reply_env: I,
         reject: I,
         reject_env: I|
         -> Res<()> {
            enter(&mut c, "call_new", modes::CALL, 1504)?;
            // the specification drops a call that was not performed
            c.data_mut().drop_call();
            let name_size: u64 = name_size.into();
            if name_size > prices::MAX_METHOD_NAME as u64 {
                return Err(Fault::Misuse {
                    what: format!(
                        "Size of method_name {name_size} exceeds the allowed limit of {}.",
                        prices::MAX_METHOD_NAME
                    ),
                    // an official server never fills these places in
                    suggestion: "Size of method_name {} exceeds the allowed limit of {}.",
                    section: "canister-made-a-call-with-too-large-method-name",
                }
                .into());
            }
            let method =
                String::from_utf8_lossy(read(&c, "ic0.call_new method_name", name, name_size)?)
                    .into_owned();
            let callee = principal(read(&c, "ic0.call_new callee_src", callee, callee_size)?)?;
            c.data_mut().call = Some(OutgoingCall {
                callee,
                method,
                arg: vec![],
                cycles: 0,
                on_reply: Closure {
                    function: reply.into(),
                    env: reply_env.into(),
                },
                on_reject: Closure {
                    function: reject.into(),
                    env: reject_env.into(),
                },
                on_cleanup: None,
                timeout: None,
            });
            Ok(())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "call_on_cleanup",
        |mut c: Ctx<'_>, function: I, env: I| -> Res<()> {
            enter(&mut c, "call_on_cleanup", modes::CALL, COMMON)?;
            let call = construction(&mut c, "ic0.call_on_cleanup")?;
            let closure = Closure {
                function: function.into(),
                env: env.into(),
            };
            if call.on_cleanup.replace(closure).is_some() {
                return Err(Fault::Contract(
                    "ic0.call_on_cleanup can be called at most once between `ic0.call_new` and \
                     `ic0.call_perform`"
                        .into(),
                )
                .into());
            }
            Ok(())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "call_data_append",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 50, size);
            enter(&mut c, "call_data_append", modes::CALL, cost)?;
            construction(&mut c, "ic0.call_data_append")?;
            let mut call = c.data_mut().call.take().expect("BUG: checked above");
            let total = ((call.method.len() + call.arg.len()) as u64).saturating_add(size.into());
            if total > prices::MAX_REQUEST as u64 {
                return Err(Fault::Misuse {
                    what: format!(
                        "Request to {}:{} has a payload size of {total}, which exceeds the allowed \
                         limit of {}.",
                        call.callee,
                        call.method,
                        prices::MAX_REQUEST
                    ),
                    suggestion: "Check the canister for errors or redesign the target API to allow \
                        shorter messages",
                    section: "canister-made-a-call-with-too-large-payload",
                }
                .into());
            }
            call.arg
                .extend_from_slice(read(&c, "ic0.call_data_append", src, size)?);
            c.data_mut().call = Some(call);
            c.data_mut().appended_bytes += size.into();
            Ok(())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "call_with_best_effort_response",
        |mut c: Ctx<'_>, timeout: u32| -> Res<()> {
            enter(
                &mut c,
                "call_with_best_effort_response",
                modes::CALL,
                COMMON,
            )?;
            let call = construction(&mut c, "ic0.call_with_best_effort_response")?;
            if call.timeout.is_some() {
                return Err(Fault::Contract(
                    "ic0_call_with_best_effort_response failed because a timeout is already set."
                        .into(),
                )
                .into());
            }
            call.timeout = Some(timeout.min(prices::MAX_TIMEOUT_SECONDS));
            Ok(())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "call_cycles_add",
        |mut c: Ctx<'_>, cycles: u64| -> Res<()> {
            enter(&mut c, "call_cycles_add", modes::CALL_WITH_CYCLES, COMMON)?;
            add_cycles(&mut c, "ic0_call_cycles_add", cycles.into())
        },
    )?;
    linker.func_wrap(
        "ic0",
        "call_cycles_add128",
        |mut c: Ctx<'_>, high: u64, low: u64| -> Res<()> {
            enter(
                &mut c,
                "call_cycles_add128",
                modes::CALL_WITH_CYCLES,
                COMMON,
            )?;
            add_cycles(&mut c, "ic0_call_cycles_add128", amount(high, low))
        },
    )?;
    linker.func_wrap("ic0", "call_perform", |mut c: Ctx<'_>| -> Res<u32> {
        enter(&mut c, "call_perform", modes::CALL, 5_000)?;
        construction(&mut c, "ic0.call_perform")?;
        perform(&mut c)
    })?;
    Ok(())
}

fn construction<'a>(c: &'a mut Ctx, what: &str) -> Result<&'a mut OutgoingCall, Fault> {
    c.data_mut().call.as_mut().ok_or_else(|| {
        Fault::Contract(format!("{what} called when no call is under construction."))
    })
}

fn add_cycles(c: &mut Ctx, what: &str, cycles: u128) -> Res<()> {
    construction(c, what)?;
    if c.data().liquid() < cycles {
        return Err(Fault::OutOfCycles.into());
    }
    c.data_mut().funds.balance -= cycles;
    construction(c, what)?.cycles += cycles;
    Ok(())
}

fn perform(c: &mut Ctx) -> Res<u32> {
    let composite = c.data().mode.is_composite();
    let call = c.data().call.as_ref().expect("BUG: checked by the caller");
    let callee = call.callee;
    let price = prices::call(call.method.len() as u64, call.arg.len() as u64);
    let made = c.data().calls.iter().filter(|k| k.callee == callee).count();
    let full = made >= (c.data().free_slots)(&callee);
    if !composite && (full || c.data().liquid() < price) {
        c.data_mut().drop_call();
        return Ok(SYS_TRANSIENT);
    }
    let host = c.data_mut();
    if !composite {
        host.funds.balance -= price;
    }
    let call = host.call.take().expect("BUG: checked above");
    host.calls.push(call);
    Ok(0)
}
