//! How error texts write amounts of cycles.

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

#[cfg(test)]
mod tests {
    #[test]
    fn cycles_have_underscores() {
        assert_eq!(super::cycles(0), "0");
        assert_eq!(super::cycles(999), "999");
        assert_eq!(super::cycles(1_234_567), "1_234_567");
    }
}
