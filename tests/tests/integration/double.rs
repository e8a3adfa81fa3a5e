//! A test double of the store. It keeps its first `blob_put_chunk` open until somebody starts it.
//!
//! The double asks the management canister to stop it. Stopping waits for the open call, and the
//! call waits for the answer to that request. When a controller starts the double, the wait ends
//! and the call is answered. The double answers everything else at once. It works on any engine.

use candid::Principal;
use tools::deployment::Deployment;

/// All answers are `variant { Ok }`. The field hash of `Ok` is 17724, in LEB128 `bc 8a 01`.
const MODULE: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "call_new" (func $call_new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_data_append" (func $call_data (param i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (import "ic0" "canister_self_size" (func $self_size (result i32)))
  (import "ic0" "canister_self_copy" (func $self_copy (param i32 i32 i32)))
  (memory 1)
  (table funcref (elem $answered))
  (global $held (mut i32) (i32.const 0))
  (data (i32.const 0) "DIDL\01\6b\01\bc\8a\01\7f\01\00\00")
  (data (i32.const 32) "stop_canister")
  ;; record { canister_id : principal }; field hash 1313628723, as LEB128 b3 c4 b1 f2 04
  (data (i32.const 64) "DIDL\01\6c\01\b3\c4\b1\f2\04\68\01\00\01")
  (func $ok
    (call $append (i32.const 0) (i32.const 14))
    (call $reply))
  (func $answered (param i32) (call $ok))
  (func (export "canister_update blob_open") (call $ok))
  (func (export "canister_update blob_seal") (call $ok))
  (func (export "canister_query blob_meta") (call $ok))
  (func (export "canister_update blob_put_chunk")
    (if (global.get $held) (then (call $ok) (return)))
    (global.set $held (i32.const 1))
    (call $call_new
      (i32.const 0) (i32.const 0)
      (i32.const 32) (i32.const 13)
      (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0))
    (i32.store8 (i32.const 80) (call $self_size))
    (call $self_copy (i32.const 81) (i32.const 0) (call $self_size))
    (call $call_data (i32.const 64) (i32.add (i32.const 17) (call $self_size)))
    (drop (call $perform))))"#;

/// Installs the double and returns its id.
pub fn install(deployment: &Deployment) -> Principal {
    let pic = &deployment.pic;
    let controller = Some(deployment.controller);
    let id = pic.create_canister_with_settings(controller, None);
    pic.add_cycles(id, 1_000_000_000_000_000);
    pic.set_controllers(id, controller, vec![deployment.controller, id])
        .unwrap();
    let module = wat::parse_str(MODULE).expect("BUG: the double is valid");
    pic.install_canister(id, module, Vec::new(), controller);
    id
}

/// Returns whether the double waits for a start.
pub fn is_stopping(deployment: &Deployment, id: Principal) -> bool {
    let status = deployment
        .pic
        .canister_status(id, Some(deployment.controller))
        .unwrap();
    // The client crate does not export the type of the status.
    format!("{:?}", status.status) == "Stopping"
}
