;; A canister that writes its arguments into its stable memory. Integers are little-endian.
(module
  (import "ic0" "msg_arg_data_size" (func $size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  ;; 2 MiB: the largest argument.
  (memory 32)

  ;; Grows by a number of pages of 64 KiB: u64.
  (func (export "canister_update grow")
    (call $copy (i32.const 0) (i32.const 0) (i32.const 8))
    (if (i64.eq (call $grow (i64.load (i32.const 0))) (i64.const -1))
      (then unreachable))
    (call $reply))

  ;; Writes pieces: u64 offset, u64 length, and the bytes.
  (func (export "canister_update write")
    (local $at i32) (local $end i32) (local $length i64)
    (local.set $end (call $size))
    (call $copy (i32.const 0) (i32.const 0) (local.get $end))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (local.set $length (i64.load offset=8 (local.get $at)))
          (call $write
            (i64.load (local.get $at))
            (i64.extend_i32_u (i32.add (local.get $at) (i32.const 16)))
            (local.get $length))
          (local.set $at
            (i32.add
              (i32.add (local.get $at) (i32.const 16))
              (i32.wrap_i64 (local.get $length))))
          (br $next))))
    (call $reply)))
