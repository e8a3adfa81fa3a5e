//! The current message: its argument, its caller, the answer, and the cycles that came with it.

use super::context::{
    COMMON, Ctx, Pointer, Res, amount, by_size, copy_out, enter, low64, read, write_amount,
};
use super::modes;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use crate::wasm::mode::Mode;
use crate::wasm::outgoing::Response;
use wasmtime::Linker;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    argument::<I>(linker)?;
    caller::<I>(linker)?;
    reject::<I>(linker)?;
    answer::<I>(linker)?;
    cycles::<I>(linker)
}

fn argument<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap("ic0", "msg_arg_data_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "msg_arg_data_size", modes::ARGUMENT, COMMON)?;
        Ok(I::of(c.data().arg.len()))
    })?;
    linker.func_wrap(
        "ic0",
        "msg_arg_data_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "msg_arg_data_copy", modes::ARGUMENT, cost)?;
            let arg = std::mem::take(&mut c.data_mut().arg);
            let done = copy_out(&mut c, "msg_arg_data_copy", &arg, dst, offset, size);
            c.data_mut().arg = arg;
            done
        },
    )?;
    linker.func_wrap("ic0", "msg_method_name_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "msg_method_name_size", &[Mode::Inspect], COMMON)?;
        Ok(I::of(c.data().method.len()))
    })?;
    linker.func_wrap(
        "ic0",
        "msg_method_name_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "msg_method_name_copy", &[Mode::Inspect], cost)?;
            let name = c.data().method.clone();
            copy_out(
                &mut c,
                "msg_method_name_copy",
                name.as_bytes(),
                dst,
                offset,
                size,
            )
        },
    )?;
    linker.func_wrap("ic0", "accept_message", |mut c: Ctx<'_>| -> Res<()> {
        enter(&mut c, "accept_message", &[Mode::Inspect], COMMON)?;
        if std::mem::replace(&mut c.data_mut().accepted_message, true) {
            return Err(Fault::Contract(
                "ic0.accept_message: the function was already called.".into(),
            )
            .into());
        }
        Ok(())
    })?;
    Ok(())
}

fn caller<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap("ic0", "msg_caller_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "msg_caller_size", modes::ANY, COMMON)?;
        Ok(I::of(c.data().caller.as_slice().len()))
    })?;
    linker.func_wrap(
        "ic0",
        "msg_caller_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "msg_caller_copy", modes::ANY, cost)?;
            let caller = c.data().caller;
            copy_out(
                &mut c,
                "msg_caller_copy",
                caller.as_slice(),
                dst,
                offset,
                size,
            )
        },
    )?;
    linker.func_wrap("ic0", "msg_deadline", |mut c: Ctx<'_>| -> Res<u64> {
        enter(&mut c, "msg_deadline", modes::ANSWER, COMMON)?;
        Ok(c.data().deadline)
    })?;
    Ok(())
}

fn reject<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    const MESSAGE: &[Mode] = &[Mode::RejectCallback, Mode::CompositeRejectCallback];
    linker.func_wrap("ic0", "msg_reject_code", |mut c: Ctx<'_>| -> Res<u32> {
        enter(&mut c, "msg_reject_code", modes::CALLBACK, COMMON)?;
        Ok(c.data().reject_code)
    })?;
    linker.func_wrap("ic0", "msg_reject_msg_size", |mut c: Ctx<'_>| -> Res<I> {
        enter(&mut c, "msg_reject_msg_size", MESSAGE, COMMON)?;
        Ok(I::of(c.data().reject_message.len()))
    })?;
    linker.func_wrap(
        "ic0",
        "msg_reject_msg_copy",
        |mut c: Ctx<'_>, dst: I, offset: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "msg_reject_msg_copy", MESSAGE, cost)?;
            let message = c.data().reject_message.clone();
            copy_out(
                &mut c,
                "msg_reject_msg_copy",
                message.as_bytes(),
                dst,
                offset,
                size,
            )
        },
    )?;
    Ok(())
}

fn not_answered(c: &Ctx, what: &str) -> Result<(), Fault> {
    if c.data().answered() {
        // an official server ends only some of these texts with a dot
        let dot = if what == "ic0.msg_reject" { "" } else { "." };
        return Err(Fault::Contract(format!(
            "{what}: the call is already replied{dot}"
        )));
    }
    Ok(())
}

fn too_large(function: &str, size: usize, limit: usize) -> Fault {
    Fault::Misuse {
        what: format!(
            "ic0.{function}: application payload size ({size}) cannot be larger than {limit}."
        ),
        suggestion: "Consider checking the response size and returning an error if it is too long.",
        section: match function {
            "msg_reject" => "msg_reject-payload-too-large",
            _ => "msg_reply_data_append-payload-too-large",
        },
    }
}

fn answer<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap(
        "ic0",
        "msg_reply_data_append",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 50, size);
            enter(&mut c, "msg_reply_data_append", modes::ANSWER, cost)?;
            not_answered(&c, "ic0.msg_reply_data_append")?;
            let bytes = read(&c, "msg.reply", src, size)?.to_vec();
            let host = c.data_mut();
            let total = host.reply_data.len() + bytes.len();
            if total > host.reply_limit {
                return Err(too_large("msg_reply_data_append", total, host.reply_limit).into());
            }
            host.reply_data.extend_from_slice(&bytes);
            Ok(())
        },
    )?;
    linker.func_wrap("ic0", "msg_reply", |mut c: Ctx<'_>| -> Res<()> {
        enter(&mut c, "msg_reply", modes::ANSWER, COMMON)?;
        not_answered(&c, "ic0.msg_reply")?;
        let host = c.data_mut();
        host.response = Some(Response::Reply(std::mem::take(&mut host.reply_data)));
        Ok(())
    })?;
    linker.func_wrap(
        "ic0",
        "msg_reject",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 50, size);
            enter(&mut c, "msg_reject", modes::ANSWER, cost)?;
            not_answered(&c, "ic0.msg_reject")?;
            let bytes = read(&c, "ic0.msg_reject", src, size)?;
            let limit = c.data().reply_limit;
            if bytes.len() > limit {
                return Err(too_large("msg_reject", bytes.len(), limit).into());
            }
            let text = std::str::from_utf8(bytes)
                .map_err(|_| {
                    Fault::Contract("ic0.msg_reject: invalid UTF-8 string provided".into())
                })?
                .to_string();
            c.data_mut().response = Some(Response::Reject(text));
            Ok(())
        },
    )?;
    Ok(())
}

fn cycles<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    const REFUND: &[Mode] = &[Mode::ReplyCallback, Mode::RejectCallback];
    linker.func_wrap(
        "ic0",
        "msg_cycles_available",
        |mut c: Ctx<'_>| -> Res<u64> {
            enter(&mut c, "msg_cycles_available", modes::CYCLES, COMMON)?;
            Ok(low64("msg_cycles_available", c.data().cycles_available)?)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "msg_cycles_available128",
        |mut c: Ctx<'_>, dst: I| -> Res<()> {
            enter(&mut c, "msg_cycles_available128", modes::CYCLES, COMMON)?;
            let available = c.data().cycles_available;
            write_amount(&mut c, "msg_cycles_available128", dst, available)
        },
    )?;
    linker.func_wrap("ic0", "msg_cycles_refunded", |mut c: Ctx<'_>| -> Res<u64> {
        enter(&mut c, "msg_cycles_refunded", REFUND, COMMON)?;
        Ok(low64("msg_cycles_refunded", c.data().cycles_refunded)?)
    })?;
    linker.func_wrap(
        "ic0",
        "msg_cycles_refunded128",
        |mut c: Ctx<'_>, dst: I| -> Res<()> {
            enter(&mut c, "msg_cycles_refunded128", REFUND, COMMON)?;
            let refunded = c.data().cycles_refunded;
            write_amount(&mut c, "msg_cycles_refunded128", dst, refunded)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "msg_cycles_accept",
        |mut c: Ctx<'_>, max: u64| -> Res<u64> {
            enter(&mut c, "msg_cycles_accept", modes::CYCLES, COMMON)?;
            Ok(accept(&mut c, max.into()) as u64)
        },
    )?;
    linker.func_wrap(
        "ic0",
        "msg_cycles_accept128",
        |mut c: Ctx<'_>, high: u64, low: u64, dst: I| -> Res<()> {
            enter(&mut c, "msg_cycles_accept128", modes::CYCLES, COMMON)?;
            let accepted = accept(&mut c, amount(high, low));
            write_amount(&mut c, "msg_cycles_accept128", dst, accepted)
        },
    )?;
    Ok(())
}

fn accept(c: &mut Ctx, max: u128) -> u128 {
    let host = c.data_mut();
    let accepted = max.min(host.cycles_available);
    host.cycles_available -= accepted;
    host.accepted_cycles += accepted;
    host.funds.balance += accepted;
    accepted
}
