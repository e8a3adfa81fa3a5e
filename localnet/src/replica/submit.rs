//! Messages from outside: the checks on arrival, and the queue for the next round.

use super::management;
use super::network::Network;
use super::rejects::fault_reject;
use super::types::{Call, MessageId, Reject};
use crate::prices;
use crate::wasm::{Entry, Mode};
use candid::Principal;
use sha2::{Digest, Sha256};

impl Network {
    /// Checks a message from outside and keeps it for the next round. Fails if the network refuses
    /// it.
    pub fn submit(&mut self, call: Call) -> Result<MessageId, Reject> {
        let id = self.message_id(&call);
        self.submit_as(id.clone(), call)?;
        Ok(id)
    }

    /// Does the same under an id that the sender chose.
    ///
    /// It accepts a repeated id again, so the caller must look for the id first.
    pub fn submit_as(&mut self, id: MessageId, call: Call) -> Result<(), Reject> {
        let bytes = call.bytes() + prices::REQUEST_ID_BYTES;
        if bytes > prices::MAX_INGRESS {
            return Err(Reject::no_message(format!(
                "Request 0x{} is too large. Message byte size {bytes} is larger than the max \
                 allowed {}.",
                id.0.map(|b| format!("{b:02x}")).concat(),
                prices::MAX_INGRESS
            )));
        }
        if call.canister == Principal::management_canister() {
            management::check_ingress(self, &call)?;
        } else {
            self.check_ingress(&call)?;
        }
        self.statuses.insert(id.clone(), None);
        self.ingress.push_back((id, call));
        Ok(())
    }

    fn message_id(&mut self, call: &Call) -> MessageId {
        self.messages += 1;
        let mut hash = Sha256::new();
        hash.update(self.messages.to_be_bytes());
        hash.update(call.canister.as_slice());
        hash.update(&call.method);
        hash.update(&call.arg);
        MessageId(hash.finalize().into())
    }

    /// The checks of a canister's subnet on an ingress message, the canister's own inspection
    /// included.
    fn check_ingress(&mut self, call: &Call) -> Result<(), Reject> {
        let fee = prices::ingress(call.bytes());
        let canister = self
            .canisters
            .get(&call.canister)
            .ok_or_else(|| Reject::not_found(call.canister))?;
        canister.check_running()?;
        if canister.code.is_none() {
            return Err(Reject::new(537, "Requested canister has no wasm module"));
        }
        let needed = fee + canister.freezing_reserve();
        if canister.balance < needed {
            return Err(Reject::out_of_cycles(
                call.canister,
                needed - canister.balance,
            ));
        }
        self.inspect(call)
    }

    /// Asks the canister whether it accepts an ingress message.
    fn inspect(&mut self, call: &Call) -> Result<(), Reject> {
        const HOOK: &str = "canister_inspect_message";
        let id = call.canister;
        let code = self.canisters[&id].code.as_ref();
        if !code.is_some_and(|c| c.module.has_hook(HOOK)) {
            return Ok(());
        }
        let mut host = self.host(id, Mode::Inspect);
        host.caller = call.sender;
        host.arg = call.arg.clone();
        host.method = call.method.clone();
        host.instruction_limit = prices::INSPECT_INSTRUCTIONS;
        let tried = self.attempt(id, &Entry::Export(HOOK.into()), host);
        if let Some(fault) = &tried.run.fault {
            return Err(fault_reject(id, fault));
        }
        if !tried.run.host.accepted_message {
            return Err(Reject::new(
                406,
                format!("Error from Canister {id}: Canister rejected the message"),
            ));
        }
        Ok(())
    }
}
