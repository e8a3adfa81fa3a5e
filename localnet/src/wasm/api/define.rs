//! Defines all system functions.

use super::context::{Pointer, Res};
use super::{call, certified, cycles, environment, identity, message, print, stable};
use crate::wasm::host::Host;
use wasmtime::Linker;

/// Defines each function of `ic0` for modules whose addresses are as wide as `I`.
pub fn define<I: Pointer>(linker: &mut Linker<Host>) -> Res<()> {
    message::define::<I>(linker)?;
    identity::define::<I>(linker)?;
    cycles::define::<I>(linker)?;
    certified::define::<I>(linker)?;
    environment::define::<I>(linker)?;
    print::define::<I>(linker)?;
    call::define::<I>(linker)?;
    stable::define(linker)
}
