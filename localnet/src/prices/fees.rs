//! Prices on an application subnet of 13 nodes, as recorded from an official server, in cycles.

use super::limits::{MAX_REPLY, UPDATE_INSTRUCTIONS};

pub const UPDATE_BASE: u128 = 5_000_000;
pub const INGRESS_BASE: u128 = 1_200_000;
pub const INGRESS_BYTE: u128 = 2_000;
pub const CALL_BASE: u128 = 260_000;
pub const CALL_BYTE: u128 = 1_000;
pub const CREATE_CANISTER: u128 = 500_000_000_000;
pub const UPLOAD_CHUNK: u128 = 205_000_000;
pub const GIB_SECOND: u128 = 127_000;
pub const COMPUTE_PERCENT_SECOND: u128 = 10_000_000;
/// For each instruction of a module that the network sees for the first time; a hundredth of it afterwards.
pub const COMPILE_INSTRUCTION: u128 = 6_000;
pub const COMPILE_FIXED: u64 = 70;
/// What an import that grows, reads or writes stable memory counts in that: an official server compiles a function of
/// its own for each. Recorded is one module with two of them.
pub const COMPILE_STABLE_IMPORT: u64 = 69;
/// Instructions for each heap page of 4 KiB that a message wrote; not seen by `performance_counter`.
pub const HEAP_DIRTY_PAGE: u64 = 1_000;
/// Instructions for the first write to each stable page of 4 KiB.
pub const STABLE_DIRTY_PAGE: u64 = 1_000;
/// What a canister gets from `provisional_create_canister_with_cycles` that names no amount.
pub const PROVISIONAL_CYCLES: u128 = 100_000_000_000_000;
pub const RESERVED_CYCLES_LIMIT: u128 = 5_000_000_000_000;

const GIB: u128 = 1 << 30;
/// A subnet's memory as one canister meets it, and from where on growing reserves cycles (a quarter of 2 TiB and of
/// 750 GiB: each of four execution threads has its share).
const SUBNET_BYTES: u128 = 512 * GIB;
const RESERVATION_FROM: u128 = 750 * GIB / 4;
const RESERVATION_SECONDS: u128 = 300_000_000;

/// What an ingress message costs on arrival; `bytes` is the size of its CBOR request.
pub fn ingress(bytes: usize) -> u128 {
    INGRESS_BASE + INGRESS_BYTE * bytes as u128
}

/// The size of a request's CBOR: 124 bytes for an anonymous call of `nop` without argument, and what grows with its parts.
pub fn ingress_bytes(sender: usize, method: usize, arg: usize) -> usize {
    let head = |n: usize| match n {
        0..24 => 0,
        24..256 => 1,
        256..65_536 => 2,
        65_536..0x1_0000_0000 => 4,
        _ => 8,
    };
    let part = |n: usize| n + head(n);
    // the 124 bytes hold a sender of one byte and a method of three
    124 - 1 - 3 + part(sender) + part(method) + part(arg)
}

/// What `call_perform` takes at once, besides the cycles that go along: the fee, the largest reply, the callback.
pub fn call(method: u64, payload: u64) -> u128 {
    call_fee(method, payload) + response_prepaid() + execution_prepaid()
}

/// The part of it that is for the request.
pub fn call_fee(method: u64, payload: u64) -> u128 {
    CALL_BASE + CALL_BYTE * (u128::from(method) + u128::from(payload))
}

/// An HTTPS outcall, by the bytes of the request and the most bytes of the response: per node of 13, as the platform's
/// documentation of prices has it.
pub fn http_request(request: u64, response: u64) -> u128 {
    const NODES: u128 = 13;
    let bytes = 400 * u128::from(request) + 800 * u128::from(response);
    (3_000_000 + 60_000 * NODES + bytes) * NODES
}

/// For the largest reply; the unused part comes back.
pub fn response_prepaid() -> u128 {
    CALL_BYTE * MAX_REPLY as u128
}

/// For one execution up to the limit; the unused part comes back.
pub fn execution_prepaid() -> u128 {
    UPDATE_BASE + u128::from(UPDATE_INSTRUCTIONS)
}

/// Cycles a second for bytes and percent of compute, times seconds.
pub fn idle(bytes: u64, compute_allocation: u64, nanos: u128) -> u128 {
    const NANOS: u128 = 1_000_000_000;
    u128::from(bytes) * GIB_SECOND * nanos / (GIB * NANOS)
        + u128::from(compute_allocation) * COMPUTE_PERCENT_SECOND * nanos / NANOS
}

/// What must stay so that the canister can idle for `seconds`; reserved cycles pay a part of it.
pub fn freezing_reserve(bytes: u64, compute_allocation: u64, seconds: u64, reserved: u128) -> u128 {
    let memory = idle(bytes, 0, u128::from(seconds) * 1_000_000_000);
    let compute = idle(0, compute_allocation, u128::from(seconds) * 1_000_000_000);
    memory.saturating_sub(reserved) + compute
}

/// Cycles reserved for growing from `before` bytes by `bytes`: storage for up to ten years, the more the fuller the subnet is.
pub fn reservation(before: u64, bytes: u64) -> u128 {
    let over = |total: u128| total.saturating_sub(RESERVATION_FROM);
    let (a, b) = (
        over(before.into()),
        over(u128::from(before) + u128::from(bytes)),
    );
    let fullness = (b * b - a * a) / (2 * (SUBNET_BYTES - RESERVATION_FROM));
    fullness * GIB_SECOND / GIB * RESERVATION_SECONDS
}

/// Bytes that an allocation can still get.
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
