//! How error texts write amounts of cycles and of memory.

/// An amount of cycles as the IC writes it: `1_234_567`.
pub fn cycles(amount: u128) -> String {
    let digits = amount.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// An amount of memory as the IC writes it: `1000 B`, `509.50 GiB`.
pub fn memory(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    let power = bytes.ilog2() / 10;
    let amount = bytes as f64 / (1u64 << (10 * power)) as f64;
    format!("{amount:.2} {}", UNITS[power as usize - 1])
}

#[cfg(test)]
mod tests {
    #[test]
    fn cycles_have_underscores() {
        assert_eq!(super::cycles(0), "0");
        assert_eq!(super::cycles(999), "999");
        assert_eq!(super::cycles(1_234_567), "1_234_567");
    }

    #[test]
    fn memory_has_binary_units() {
        assert_eq!(super::memory(0), "0 B");
        assert_eq!(super::memory(1_000), "1000 B");
        assert_eq!(super::memory(10 << 30), "10.00 GiB");
        assert_eq!(super::memory((1 << 39) - (5 << 29)), "509.50 GiB");
        assert_eq!(super::memory(999_999_999_999_999_999), "888.18 PiB");
        assert_eq!(super::memory(u64::MAX), "16.00 EiB");
    }
}
