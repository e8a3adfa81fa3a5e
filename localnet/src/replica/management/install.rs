//! Installs code and runs its hooks. After a failure code and state are as they were before.

use super::answers::{allocation_too_small, decode, done, not_controller, with_help};
use super::chunks::store_error;
use super::history::change_origin;
use crate::prices;
use crate::replica::canister::{Change, Code, LowMemory};
use crate::replica::message::Origin;
use crate::replica::network::Network;
use crate::replica::rejects::{fault_reject, module_reject, no_module};
use crate::replica::types::{Answer, Reject};
use crate::wasm::{
    CompiledModule, Entry, Fault, Funds, Mode, Run, State, Workspace, read_globals, run,
};
use candid::Principal;
use ic_management_canister_types::{
    CanisterInstallMode, ChangeDetails, CodeDeploymentMode, CodeDeploymentRecord,
    InstallChunkedCodeArgs, InstallCodeArgs,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// `install_code`.
pub fn install_code(
    network: &mut Network,
    arg: &[u8],
    sender: Principal,
    origin: &Origin,
) -> Answer {
    let args: InstallCodeArgs = decode(arg)?;
    install(
        network,
        args.canister_id,
        args.mode,
        &args.wasm_module,
        args.arg,
        Caller {
            sender,
            origin,
            version: args.sender_canister_version,
        },
    )
}

/// `install_chunked_code`.
pub fn install_chunked(
    network: &mut Network,
    arg: &[u8],
    sender: Principal,
    origin: &Origin,
) -> Answer {
    let args: InstallChunkedCodeArgs = decode(arg)?;
    let store = args.store_canister.unwrap_or(args.target_canister);
    let holder = network
        .canisters
        .get(&store)
        .ok_or_else(|| Reject::not_found(store))?;
    if store != args.target_canister && !holder.is_controller(&sender) {
        return Err(not_controller(network, store, sender));
    }
    let mut module = vec![];
    for chunk in &args.chunk_hashes_list {
        let found = <[u8; 32]>::try_from(chunk.hash.as_slice())
            .ok()
            .and_then(|hash| holder.chunks.get(&hash));
        module.extend_from_slice(
            found.ok_or_else(|| {
                store_error(format!("Chunk hash {:?} was not found.", chunk.hash))
            })?,
        );
    }
    let hash = Sha256::digest(&module);
    if hash[..] != args.wasm_module_hash[..] {
        return Err(store_error(format!(
            "Wasm module hash {:?} does not match given hash WasmHash({:?}).",
            hash.as_slice(),
            args.wasm_module_hash
        )));
    }
    install(
        network,
        args.target_canister,
        args.mode,
        &module,
        args.arg,
        Caller {
            sender,
            origin,
            version: args.sender_canister_version,
        },
    )
}

/// The sender of an installation, with the version that a canister tells of itself.
struct Caller<'a> {
    sender: Principal,
    origin: &'a Origin,
    version: Option<u64>,
}

/// An installation in progress. Only its success changes the canister.
struct Attempt<'a> {
    network: &'a mut Network,
    id: Principal,
    sender: Principal,
    version: u64,
    /// The instructions of compilation and all hooks, those that only the price shows included.
    instructions: u64,
    funds: Funds,
    timer: Option<u64>,
    certified_data: Option<Vec<u8>>,
}

fn install(
    network: &mut Network,
    id: Principal,
    mode: CanisterInstallMode,
    bytes: &[u8],
    arg: Vec<u8>,
    caller: Caller,
) -> Answer {
    let Caller {
        sender,
        origin,
        version: sender_version,
    } = caller;
    let canister = &network.canisters[&id];
    if canister.install_debit > 0 && network.rate_limited(canister.subnet) {
        return Err(Reject::new(
            209,
            with_help(
                format!(
                    "Canister {id} is rate limited because it executed too many instructions in \
                     the previous install_code messages. Please retry installation after several \
                     minutes."
                ),
                "Retry the installation at a later time.",
                "install-code-rate-limited",
            ),
        ));
    }
    match (&mode, &canister.code) {
        (CanisterInstallMode::Install, Some(_)) => {
            return Err(Reject::new(
                514,
                with_help(
                    format!(
                        "Canister {id} cannot be installed because the canister is not empty. Try \
                         installing with mode='reinstall' instead."
                    ),
                    "Check that you want to overwrite the canister and, if so, use \
                     mode='reinstall'.",
                    "canister-not-empty",
                ),
            ));
        }
        (CanisterInstallMode::Upgrade(_), None) => return Err(no_module(id)),
        _ => {}
    }
    let canister = network.canisters.get_mut(&id).expect("BUG: found above");
    let prepaid = prices::UPDATE_BASE + u128::from(prices::INSTALL_INSTRUCTIONS);
    canister
        .charge(prepaid)
        .map_err(|missing| Reject::out_of_cycles(id, missing))?;
    let version = canister.version + 1;
    let funds = network.host(id, Mode::Init).funds;
    let compiled = CompiledModule::get(bytes).map_err(|e| module_reject(id, &e));
    let mut attempt = Attempt {
        network,
        id,
        sender,
        version,
        instructions: 0,
        funds,
        timer: None,
        certified_data: None,
    };
    let outcome = compiled.and_then(|module| {
        attempt.instructions += compile_cost(attempt.network, &module);
        let state = attempt.state(&module, &mode, arg)?;
        Ok((module, state))
    });
    let Attempt {
        network,
        instructions,
        funds,
        timer,
        certified_data,
        ..
    } = attempt;
    let spent = instructions.min(prices::INSTALL_INSTRUCTIONS);
    let unused = u128::from(prices::INSTALL_INSTRUCTIONS - spent);
    let time = network.round_time;
    let canister = network.canisters.get_mut(&id).expect("BUG: found above");
    canister.install_debit += spent;
    canister.statistics.management_cycles += prices::UPDATE_BASE + u128::from(spent);
    let (module, state) = match outcome {
        Ok(installed) => installed,
        Err(reject) => {
            canister.balance += unused;
            return Err(reject);
        }
    };
    canister.balance = funds.balance + unused;
    canister.reserved = funds.reserved;
    canister.version = version;
    canister.timer = timer.filter(|at| *at != 0);
    match (certified_data, &mode) {
        (Some(data), _) => canister.certified_data = data,
        (None, CanisterInstallMode::Upgrade(_)) => {}
        (None, _) => canister.certified_data.clear(),
    }
    canister.tasks.clear();
    canister.low_memory = LowMemory::No;
    canister.changes.push(Change {
        timestamp_nanos: time,
        canister_version: version,
        origin: change_origin(sender, origin, sender_version),
        details: ChangeDetails::CodeDeployment(CodeDeploymentRecord {
            mode: match mode {
                CanisterInstallMode::Install => CodeDeploymentMode::Install,
                CanisterInstallMode::Reinstall => CodeDeploymentMode::Reinstall,
                CanisterInstallMode::Upgrade(_) => CodeDeploymentMode::Upgrade,
            },
            module_hash: module.hash.to_vec(),
        }),
    });
    canister.code = Some(Code { module, state });
    done()
}

/// The instructions that compilation charges. A module that the network compiled before costs a
/// hundredth.
pub(super) fn compile_cost(network: &mut Network, module: &CompiledModule) -> u64 {
    let full = (module.instrumented.complexity + prices::COMPILE_FIXED)
        * prices::COMPILE_INSTRUCTION as u64;
    if network.known_modules.insert(module.hash) {
        full
    } else {
        full / 100
    }
}

impl Attempt<'_> {
    /// Runs the hooks and returns the new state. Fails at the first fault.
    fn state(
        &mut self,
        module: &Arc<CompiledModule>,
        mode: &CanisterInstallMode,
        arg: Vec<u8>,
    ) -> Result<State, Reject> {
        let stable = match mode {
            CanisterInstallMode::Upgrade(flags) => {
                let skip = flags.is_some_and(|f| f.skip_pre_upgrade == Some(true));
                self.before_upgrade(skip)?
            }
            _ => {
                let canister = self.network.canisters.get_mut(&self.id);
                // the log of the former code goes with it
                canister.expect("BUG: found above").log.clear();
                None
            }
        };
        let limit = self.network.canisters[&self.id].settings.wasm_memory_limit;
        let wanted = module.instrumented.memory_bytes() as u64;
        if limit > 0 && wanted > limit {
            let fault = Fault::MemoryLimit { limit, wanted };
            return Err(fault_reject(self.id, &fault));
        }
        let empty = State::empty_stable().map_err(engine)?;
        let mut state = State::initial(module, empty).map_err(engine)?;
        let kept = self.network.canisters[&self.id].code.as_ref();
        if let (CanisterInstallMode::Upgrade(_), Some(code)) = (mode, kept) {
            state.stable = code.state.stable.clone();
        }
        let mut workspace = state.workspace().map_err(engine)?;
        if let Some(old) = stable {
            workspace.take_stable(&old);
        }
        if module.instrumented.has_start {
            self.run(module, &mut workspace, Entry::Start, Mode::Start, vec![])?;
        }
        let hook = match mode {
            CanisterInstallMode::Upgrade(_) => "canister_post_upgrade",
            _ => "canister_init",
        };
        if module.has_hook(hook) {
            self.run(
                module,
                &mut workspace,
                Entry::Export(hook.into()),
                Mode::Init,
                arg,
            )?;
        } else if !module.instrumented.has_start {
            // no hook has read the initial globals of the module yet
            read_globals(module, &mut workspace).map_err(|fault| fault_reject(self.id, &fault))?;
        }
        let canister = &self.network.canisters[&self.id];
        let size = workspace.heap.size() + workspace.stable.size() + module.stored_bytes();
        let used = size as u64 + canister.bytes_without_code();
        let allocation = canister.settings.memory_allocation;
        if allocation > 0 && used > allocation {
            return Err(allocation_too_small(allocation, used));
        }
        state.commit(&workspace).map_err(engine)?;
        Ok(state)
    }

    /// Runs `canister_pre_upgrade` of the old module on a view of its state. The new module
    /// continues with the stable memory of that view.
    fn before_upgrade(&mut self, skip: bool) -> Result<Option<Workspace>, Reject> {
        const HOOK: &str = "canister_pre_upgrade";
        let code = self.network.canisters[&self.id].code.as_ref();
        let code = code.expect("BUG: an upgrade of nothing");
        if skip || !code.module.has_hook(HOOK) {
            return Ok(None);
        }
        let module = code.module.clone();
        let mut workspace = code.state.workspace().map_err(engine)?;
        self.run(
            &module,
            &mut workspace,
            Entry::Export(HOOK.into()),
            Mode::PreUpgrade,
            vec![],
        )?;
        // the timer ends with the old module
        self.timer = None;
        Ok(Some(workspace))
    }

    fn run(
        &mut self,
        module: &CompiledModule,
        workspace: &mut Workspace,
        entry: Entry,
        mode: Mode,
        arg: Vec<u8>,
    ) -> Result<(), Reject> {
        let mut host = self.network.host(self.id, mode);
        host.caller = self.sender;
        host.arg = arg;
        host.version = self.version;
        host.instruction_limit = prices::INSTALL_INSTRUCTIONS.saturating_sub(self.instructions);
        host.funds = self.funds.clone();
        host.timer = self.timer;
        let mut run: Run = run(module, workspace, &entry, host);
        self.instructions += run.instructions + run.hidden_instructions;
        self.network.keep_log(self.id, &mut run);
        if let Some(mut fault) = run.fault {
            if let Fault::InstructionLimit(_) = fault {
                fault = Fault::InstructionLimit(prices::INSTALL_INSTRUCTIONS);
            }
            return Err(fault_reject(self.id, &fault));
        }
        self.funds = run.host.funds;
        self.timer = run.host.new_timer.or(self.timer);
        self.certified_data = run.host.certified_data.or(self.certified_data.take());
        Ok(())
    }
}

fn engine(e: std::io::Error) -> Reject {
    Reject::new(
        101,
        format!("localnet has no memory left for this canister: {e}"),
    )
}
