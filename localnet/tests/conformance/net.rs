//! A network for tests: it makes canisters from WAT, awaits calls, and writes answers as text.

use crate::wasm;
use candid::{CandidType, Principal};
use ic_management_canister_types as ic;
use localnet::replica::{Answer, Call, IngressStatus, MessageId, Network, NetworkConfig, Reject};

pub const T: u128 = 1_000_000_000_000;
pub const SECOND: u64 = 1_000_000_000;
/// Where time starts, nanoseconds since 1970.
pub const START: u64 = 1_900_000_000 * SECOND;
const MANAGEMENT: Principal = Principal::management_canister();

pub struct Net {
    pub network: Network,
}

/// The controller of a test's canisters, unless the test names another one.
pub fn me() -> Principal {
    Principal::anonymous()
}

pub fn user(name: &str) -> Principal {
    Principal::self_authenticating(name)
}

/// Numbers in the form that the helper `$arg_u64` reads.
pub fn u64s(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[track_caller]
pub fn to_u64(answer: Answer) -> u64 {
    let bytes = answer.unwrap_or_else(|e| panic!("{e:?}"));
    u64::from_le_bytes(bytes.try_into().expect("a reply of 8 bytes"))
}

/// A reply as text, or a reject as `CODE ERROR: first line`.
pub fn words(answer: Answer) -> String {
    match answer {
        Ok(bytes) => String::from_utf8(bytes).expect("a text"),
        Err(Reject {
            code,
            error_code,
            message,
            ..
        }) => format!(
            "{code} {error_code}: {}",
            message.lines().next().unwrap_or("")
        ),
    }
}

impl Net {
    pub fn new() -> Self {
        let network = Network::new(NetworkConfig {
            application_subnets: 1,
            initial_time: Some(START),
            ..NetworkConfig::default()
        });
        Self {
            network: network.expect("a network"),
        }
    }

    /// An empty canister with 100 T cycles.
    pub fn create(&mut self) -> Principal {
        self.create_with(100 * T, ic::CanisterSettings::default())
    }

    pub fn create_with(&mut self, cycles: u128, settings: ic::CanisterSettings) -> Principal {
        let arg = ic::ProvisionalCreateCanisterWithCyclesArgs {
            amount: Some(cycles.into()),
            settings: Some(settings),
            ..Default::default()
        };
        let made = self.manage("provisional_create_canister_with_cycles", &arg);
        let made: ic::CanisterIdRecord =
            candid::decode_one(&made.expect("a canister")).expect("its id");
        made.canister_id
    }

    /// A canister with this body.
    #[track_caller]
    pub fn canister(&mut self, body: &str) -> Principal {
        let id = self.create();
        self.install(id, body);
        id
    }

    #[track_caller]
    pub fn install(&mut self, id: Principal, body: &str) {
        self.deploy(id, Mode::Install, &wasm::canister(body), b"")
            .unwrap_or_else(|e| panic!("{e:?}"));
    }

    #[track_caller]
    pub fn upgrade(&mut self, id: Principal, body: &str) {
        self.deploy(id, Mode::Upgrade(None), &wasm::canister(body), b"")
            .unwrap_or_else(|e| panic!("{e:?}"));
    }

    pub fn deploy(&mut self, id: Principal, mode: Mode, module: &[u8], arg: &[u8]) -> Answer {
        let args = ic::InstallCodeArgs {
            mode,
            canister_id: id,
            wasm_module: module.to_vec(),
            arg: arg.to_vec(),
            sender_canister_version: None,
        };
        self.manage("install_code", &args)
    }

    pub fn manage(&mut self, method: &str, arg: &impl CandidType) -> Answer {
        self.manage_as(me(), method, arg)
    }

    pub fn manage_as(&mut self, sender: Principal, method: &str, arg: &impl CandidType) -> Answer {
        let arg = candid::encode_one(arg).expect("an argument");
        self.update_as(sender, MANAGEMENT, method, arg)
    }

    /// A management call about one canister: start, stop, delete and their like.
    pub fn control(&mut self, method: &str, id: Principal) -> Answer {
        self.manage(method, &ic::CanisterIdRecord { canister_id: id })
    }

    #[track_caller]
    pub fn settings(&mut self, id: Principal, settings: ic::CanisterSettings) {
        self.manage(
            "update_settings",
            &ic::UpdateSettingsArgs {
                canister_id: id,
                settings,
                sender_canister_version: None,
            },
        )
        .unwrap_or_else(|e| panic!("{e:?}"));
    }

    #[track_caller]
    pub fn info(&mut self, id: Principal) -> ic::CanisterStatusResult {
        let answer = self.control("canister_status", id);
        candid::decode_one(&answer.unwrap_or_else(|e| panic!("{e:?}"))).expect("a status")
    }

    /// Sends an update and runs rounds until it is answered.
    pub fn update(&mut self, id: Principal, method: &str, arg: impl Into<Vec<u8>>) -> Answer {
        self.update_as(me(), id, method, arg)
    }

    pub fn update_as(
        &mut self,
        sender: Principal,
        id: Principal,
        method: &str,
        arg: impl Into<Vec<u8>>,
    ) -> Answer {
        let message = self.submit_as(sender, id, method, arg)?;
        self.wait(&message)
    }

    /// The answer to an update without arguments, as text.
    #[track_caller]
    pub fn say(&mut self, id: Principal, method: &str) -> String {
        words(self.update(id, method, b""))
    }

    pub fn submit(&mut self, id: Principal, method: &str) -> MessageId {
        self.submit_as(me(), id, method, b"").expect("is accepted")
    }

    pub fn submit_as(
        &mut self,
        sender: Principal,
        canister: Principal,
        method: &str,
        arg: impl Into<Vec<u8>>,
    ) -> Result<MessageId, Reject> {
        self.network
            .submit(call(sender, canister, method, arg.into()))
    }

    /// The answer, if there is one already.
    pub fn look(&self, message: &MessageId) -> Option<Answer> {
        match self.network.status(message) {
            IngressStatus::Done(answer) => Some(answer),
            _ => None,
        }
    }

    #[track_caller]
    pub fn wait(&mut self, message: &MessageId) -> Answer {
        for _ in 0..200 {
            if let Some(answer) = self.look(message) {
                return answer;
            }
            self.network.tick();
        }
        panic!("no answer after 200 rounds");
    }

    pub fn rounds(&mut self, count: usize) {
        for _ in 0..count {
            self.network.tick();
        }
    }

    pub fn advance(&mut self, seconds: u64) {
        let time = self.network.time() + seconds * SECOND;
        self.network.set_time(time).expect("time goes forward");
    }

    pub fn query(&mut self, id: Principal, method: &str, arg: impl Into<Vec<u8>>) -> Answer {
        self.network.query(call(me(), id, method, arg.into()))
    }

    /// The global `$x`.
    #[track_caller]
    pub fn x(&mut self, id: Principal) -> u64 {
        to_u64(self.query(id, "x", b""))
    }

    /// The trace that `$note` kept.
    #[track_caller]
    pub fn trace(&mut self, id: Principal) -> String {
        words(self.query(id, "trace", b""))
    }

    pub fn balance(&self, id: Principal) -> u128 {
        self.network.cycle_balance(id).expect("a canister")
    }

    /// The cycles that a call costs this canister.
    #[track_caller]
    pub fn cost(&mut self, id: Principal, method: &str, arg: impl Into<Vec<u8>>) -> u128 {
        let before = self.balance(id);
        self.update(id, method, arg)
            .unwrap_or_else(|e| panic!("{e:?}"));
        before - self.balance(id)
    }

    /// The log of a canister, read by `sender`.
    pub fn log_as(&mut self, sender: Principal, id: Principal) -> Result<Vec<String>, Reject> {
        let arg = ic::CanisterIdRecord { canister_id: id };
        let arg = candid::encode_one(arg).expect("an argument");
        let answer = self
            .network
            .query(call(sender, MANAGEMENT, "fetch_canister_logs", arg))?;
        let logs: ic::FetchCanisterLogsResult = candid::decode_one(&answer).expect("logs");
        let records = logs.canister_log_records.into_iter();
        Ok(records
            .map(|r| String::from_utf8(r.content).expect("a text"))
            .collect())
    }

    pub fn log(&mut self, id: Principal) -> Vec<String> {
        self.log_as(me(), id).expect("a controller may read")
    }
}

pub use ic::CanisterInstallMode as Mode;

fn call(sender: Principal, canister: Principal, method: &str, arg: Vec<u8>) -> Call {
    Call {
        sender,
        canister,
        method: method.into(),
        arg,
        effective: None,
    }
}
