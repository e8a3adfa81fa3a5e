//! The canister itself: its id, its status and version, its time, timer and counters.

use super::context::{COMMON, Ctx, Pointer, Res, by_size, copy_out, enter, principal, read};
use super::modes;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use wasmtime::Linker;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
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
                _ => Err(Fault::Misuse {
                    what: format!("Error getting performance counter type {kind}"),
                    suggestion: "",
                    section: "",
                }
                .into()),
            }
        },
    )?;
    Ok(())
}
