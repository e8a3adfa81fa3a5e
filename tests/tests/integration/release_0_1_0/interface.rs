//! The interface of release 0.1.0, as its modules describe it, and clients who know no other.

use candid::types::{Function, Type};
use candid::utils::ArgumentEncoder;
use candid::{CandidType, IDLArgs, Principal, TypeEnv, decode_one, encode_args};
use candid_parser::utils::{CandidSource, service_compatible};
use candid_parser::{IDLProg, check_prog};
use capsule_shared::Error;
use serde::de::DeserializeOwned;
use std::io::Read;
use tools::deployment::{Deployment, Part, release_0_1_0, wasm};

/// The description that a module carries.
fn described(module: &[u8]) -> String {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(module)
        .read_to_end(&mut bytes)
        .unwrap();
    let sections = wasmparser::Parser::new(0).parse_all(&bytes);
    let found = sections.filter_map(|payload| match payload.unwrap() {
        wasmparser::Payload::CustomSection(section)
            if section.name() == "icp:public candid:service" =>
        {
            Some(String::from_utf8(section.data().to_vec()).unwrap())
        }
        _ => None,
    });
    found.last().expect("a module describes its interface")
}

#[test]
fn each_interface_is_a_subtype_of_that_of_release_0_1_0() {
    for part in Part::ALL {
        let (now, then) = (
            described(&wasm(part.name())),
            described(&release_0_1_0(part)),
        );
        let compatible = service_compatible(CandidSource::Text(&now), CandidSource::Text(&then));
        compatible.unwrap_or_else(|e| panic!("{}: {e}", part.name()));
        let back = service_compatible(CandidSource::Text(&then), CandidSource::Text(&now));
        assert!(back.is_err(), "{} has got no new method", part.name());
    }
}

/// Calls the gateway with the types of release 0.1.0, and reads its answers by them.
pub struct OldClient<'a> {
    deployment: &'a Deployment,
    who: Principal,
    env: TypeEnv,
    service: Type,
}

impl<'a> OldClient<'a> {
    pub fn new(deployment: &'a Deployment, who: Principal) -> Self {
        let program: IDLProg = described(&release_0_1_0(Part::Gateway)).parse().unwrap();
        let mut env = TypeEnv::new();
        let service = check_prog(&mut env, &program).unwrap().unwrap();
        OldClient {
            deployment,
            who,
            env,
            service,
        }
    }

    /// Calls a method as an update, or as a query if it is one.
    #[track_caller]
    pub fn call<T: CandidType + DeserializeOwned>(
        &self,
        method: &str,
        args: impl ArgumentEncoder,
    ) -> Result<T, Error> {
        let known = self.env.get_method(&self.service, method);
        let Function {
            modes,
            args: types,
            rets,
        } = known.unwrap();
        let ours = IDLArgs::from_bytes(&encode_args(args).unwrap()).unwrap();
        let arg = ours.to_bytes_with_types(&self.env, types).unwrap();
        let (pic, gateway) = (&self.deployment.pic, self.deployment.gateway);
        let reply = match modes.is_empty() {
            true => pic.update_call(gateway, self.who, method, arg),
            false => pic.query_call(gateway, self.who, method, arg),
        };
        let reply = reply.unwrap_or_else(|e| panic!("{method}: {e}"));
        let read = IDLArgs::from_bytes_with_types(&reply, &self.env, rets);
        let read = read.unwrap_or_else(|e| panic!("{method}: {e}"));
        // The same answer, without what that release doesn't know.
        decode_one(&read.to_bytes_with_types(&self.env, rets).unwrap()).unwrap()
    }
}
