//! Prints and traps. The start function may use them too.

use super::context::{COMMON, Ctx, Pointer, Res, by_size, charge, read};
use crate::prices;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use wasmtime::Linker;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    linker.func_wrap(
        "ic0",
        "debug_print",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
            // recorded: 52,260 for 1,000 bytes, for the copy and the log
            charge(&mut c, by_size(10_000, 5_216, size) / 100)?;
            let text = read(&c, "ic0.debug_print", src, size)?;
            // the log keeps no more
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
