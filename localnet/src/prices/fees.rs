//! Prices on an application subnet of 13 nodes, as recorded from an official server, in cycles.

use super::limits::{MAX_REPLY, UPDATE_INSTRUCTIONS};

/// The fixed price of an execution.
pub const UPDATE_BASE: u128 = 5_000_000;
/// The fixed price of an ingress message.
pub const INGRESS_BASE: u128 = 1_200_000;
/// The price of each byte of an ingress message.
pub const INGRESS_BYTE: u128 = 2_000;
/// The fixed price of a call between canisters.
pub const CALL_BASE: u128 = 260_000;
/// The price of each byte of a request or a reply between canisters.
pub const CALL_BYTE: u128 = 1_000;
/// The price of a new canister.
pub const CREATE_CANISTER: u128 = 500_000_000_000;
/// The price of a chunk in the chunk store.
pub const UPLOAD_CHUNK: u128 = 205_000_000;
/// The price of 1 GiB of storage for a second.
pub const GIB_SECOND: u128 = 127_000;
/// The price of one percent of compute allocation for a second.
pub const COMPUTE_PERCENT_SECOND: u128 = 10_000_000;
/// The price of each instruction in a module that is new to the network. A module that the network
/// compiled before costs a hundredth.
pub const COMPILE_INSTRUCTION: u128 = 6_000;
/// Instructions that compilation charges for any module.
pub const COMPILE_FIXED: u64 = 70;
/// Instructions that compilation charges for an import that grows, reads or writes stable memory.
/// An official server compiles a function for each. The value comes from one recorded module with
/// two such imports.
pub const COMPILE_STABLE_IMPORT: u64 = 69;
/// Instructions for each heap page of 4 KiB that a message wrote. `performance_counter` does not
/// show them.
pub const HEAP_DIRTY_PAGE: u64 = 1_000;
/// Instructions for the first write to each stable page of 4 KiB.
pub const STABLE_DIRTY_PAGE: u64 = 1_000;
/// The balance of a canister from `provisional_create_canister_with_cycles` without an amount.
pub const PROVISIONAL_CYCLES: u128 = 100_000_000_000_000;
/// The limit of reserved cycles unless the settings say otherwise.
pub const RESERVED_CYCLES_LIMIT: u128 = 5_000_000_000_000;

const GIB: u128 = 1 << 30;
/// The memory of a subnet as one canister sees it, in bytes. Each of four execution threads has its
/// share, so this is a quarter of 2 TiB.
const SUBNET_BYTES: u128 = 512 * GIB;
/// Bytes in use from which on growth reserves cycles: a quarter of 750 GiB, for the same reason.
const RESERVATION_FROM: u128 = 750 * GIB / 4;
/// The longest time for which growth reserves cycles, in seconds: about ten years.
const RESERVATION_SECONDS: u128 = 300_000_000;

/// The price of an ingress message on arrival. `bytes` is the size of its CBOR request.
pub fn ingress(bytes: usize) -> u128 {
    INGRESS_BASE + INGRESS_BYTE * bytes as u128
}

/// The bytes of a request in CBOR, from the bytes of its sender, method name and argument.
///
/// An anonymous call of `nop` without an argument takes 124 bytes.
pub fn ingress_bytes(sender: usize, method: usize, arg: usize) -> usize {
    let head = |n: usize| match n {
        0..24 => 0,
        24..256 => 1,
        256..65_536 => 2,
        65_536..0x1_0000_0000 => 4,
        _ => 8,
    };
    let part = |n: usize| n + head(n);
    // the 124 bytes include one byte of sender and three of method name
    124 - 1 - 3 + part(sender) + part(method) + part(arg)
}

/// The cycles that `call_perform` takes, besides those that it sends along. They pay for the
/// request, for the largest reply and for the callback.
pub fn call(method: u64, payload: u64) -> u128 {
    call_fee(method, payload) + response_prepaid() + execution_prepaid()
}

/// The part of [`call`] that pays for the request.
pub fn call_fee(method: u64, payload: u64) -> u128 {
    CALL_BASE + CALL_BYTE * (u128::from(method) + u128::from(payload))
}

/// The price of an HTTPS outcall, from the bytes of the request and the largest size of the
/// response. The formula comes from the platform's documentation and counts 13 nodes.
pub fn http_request(request: u64, response: u64) -> u128 {
    const NODES: u128 = 13;
    let bytes = 400 * u128::from(request) + 800 * u128::from(response);
    (3_000_000 + 60_000 * NODES + bytes) * NODES
}

/// The part of [`call`] that pays for the largest reply. The unused part comes back.
pub fn response_prepaid() -> u128 {
    CALL_BYTE * MAX_REPLY as u128
}

/// The price of one execution up to the limit. The unused part comes back.
pub fn execution_prepaid() -> u128 {
    UPDATE_BASE + u128::from(UPDATE_INSTRUCTIONS)
}

/// The price of `bytes` of storage and of a compute allocation in percent, for `nanos` nanoseconds.
pub fn idle(bytes: u64, compute_allocation: u64, nanos: u128) -> u128 {
    const NANOS: u128 = 1_000_000_000;
    u128::from(bytes) * GIB_SECOND * nanos / (GIB * NANOS)
        + u128::from(compute_allocation) * COMPUTE_PERCENT_SECOND * nanos / NANOS
}

/// The cycles that a canister must keep to idle for `seconds`. Reserved cycles pay for a part of
/// its storage.
pub fn freezing_reserve(bytes: u64, compute_allocation: u64, seconds: u64, reserved: u128) -> u128 {
    let memory = idle(bytes, 0, u128::from(seconds) * 1_000_000_000);
    let compute = idle(0, compute_allocation, u128::from(seconds) * 1_000_000_000);
    memory.saturating_sub(reserved) + compute
}

/// The cycles that growing from `before` bytes by `bytes` reserves.
///
/// They pay for storage for up to ten years. The fuller the subnet, the more it reserves.
pub fn reservation(before: u64, bytes: u64) -> u128 {
    let over = |total: u128| total.saturating_sub(RESERVATION_FROM);
    let (a, b) = (
        over(before.into()),
        over(u128::from(before) + u128::from(bytes)),
    );
    let fullness = (b * b - a * a) / (2 * (SUBNET_BYTES - RESERVATION_FROM));
    fullness * GIB_SECOND / GIB * RESERVATION_SECONDS
}

/// The bytes that a memory allocation can still get.
pub fn available_bytes() -> u64 {
    (SUBNET_BYTES - 10 * GIB / 4) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_requests() {
        assert_eq!(ingress_bytes(1, 3, 0), 124);
        assert_eq!(ingress_bytes(1, 3, 1000) - ingress_bytes(1, 3, 0), 1002);
        assert_eq!(
            ingress_bytes(1, 3, 1_000_000) - ingress_bytes(1, 3, 0),
            1_000_004
        );
        assert_eq!(ingress_bytes(29, 3, 0) - ingress_bytes(1, 3, 0), 29);
    }

    #[test]
    fn call_prices() {
        assert_eq!(call(0, 0), 42_102_412_000);
        assert_eq!(call(10, 1_000_000), 43_102_422_000);
    }

    #[test]
    fn storage_prices() {
        assert_eq!(idle(1 << 30, 0, 1_000_000_000), 127_000);
        assert_eq!(reservation(0, 100 << 30), 0);
        let full = reservation(0, 500 << 30);
        assert!(
            (5_600_000_000_000_000..6_000_000_000_000_000).contains(&full),
            "{full}"
        );
    }
}
