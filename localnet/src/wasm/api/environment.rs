//! Environment variables and the root key.

use super::context::{COMMON, Ctx, Pointer, Res, by_size, copy_out, enter, read};
use super::modes;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use wasmtime::Linker;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
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
