//! Certified data and the certificate of it.

use super::context::{COMMON, Ctx, Pointer, Res, by_size, copy_out, enter, read};
use super::modes;
use crate::wasm::fault::Fault;
use crate::wasm::host::Host;
use crate::wasm::mode::Mode;
use std::sync::LazyLock;
use wasmtime::Linker;

pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    const CERTIFICATE: &[Mode] = &[Mode::Query, Mode::CompositeQuery];
    linker.func_wrap(
        "ic0",
        "certified_data_set",
        |mut c: Ctx<'_>, src: I, size: I| -> Res<()> {
            let cost = by_size(COMMON, 1, size);
            enter(&mut c, "certified_data_set", modes::CERTIFY, cost)?;
            let size: u64 = size.into();
            if size > 32 {
                return Err(Fault::Misuse {
                    what: format!(
                        "ic0_certified_data_set failed because the passed data must be no larger \
                         than 32 bytes. Found {size} bytes."
                    ),
                    suggestion: "Try certifying just the hash of your data instead of the full \
                        contents.",
                    section: "certified_data_set-payload-too-large",
                }
                .into());
            }
            let data = read(&c, "ic0.certified_data_set", src, size)?.to_vec();
            c.data_mut().certified_data = Some(data);
            Ok(())
        },
    )?;
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
    let certificate = c.data().certificate.as_ref().ok_or_else(|| {
        Fault::Contract("ic0_data_certificate_size: there is no certificate in this message".into())
    })?;
    Ok(LazyLock::force(certificate).clone())
}
