//! Prints and traps. The start function may use them too.

use super::context::{COMMON, Ctx, Pointer, Res, by_size, charge, read};
use crate::prices;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use wasmtime::Linker;

/// The bytes at the beginning and at the end of a trap's text that may be shown.
const SHOWN: usize = prices::MAX_REJECT_MESSAGE;

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
            let text = read(&c, "ic0.trap", src, size)?;
            // nobody sees more than the beginning and the end of a long text
            let text = match text.len() > 2 * SHOWN {
                true => [&text[..SHOWN], &text[text.len() - SHOWN..]].concat(),
                false => text.to_vec(),
            };
            Err(Fault::Called(String::from_utf8_lossy(&text).into_owned()).into())
        },
    )?;
    Ok(())
}
