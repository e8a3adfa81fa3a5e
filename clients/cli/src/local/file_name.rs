//! The name of a memory as the name of a file. A stranger may have chosen it.

use crate::local::error::LocalError;
use crate::printable::is_code;

/// Names of devices on Windows, whatever their extension is.
///
/// Source: "Naming Files, Paths, and Namespaces" in Microsoft's documentation.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// The same with a digit behind them.
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];
/// Digits of devices: Windows takes the superscript ones too.
const DIGITS: [char; 13] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '¹', '²', '³',
];

/// The last part of a name, made safe: it stays in its folder, and names no device.
pub fn safe_name(name: &str) -> Result<String, LocalError> {
    safe_name_on(cfg!(windows), name)
}

/// The same by the rules of Windows, or of other systems.
pub fn safe_name_on(windows: bool, name: &str) -> Result<String, LocalError> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe = cleaned(windows, last.as_bytes());
    let safe = String::from_utf8(safe).expect("BUG: text is cleaned into text");
    if matches!(safe.as_str(), "" | "." | "..") {
        let name = name.to_string();
        return Err(LocalError::FileName { name });
    }
    Ok(safe)
}

/// One name as no other place and no device: the only sanitizer, for files and for folders.
///
/// Control characters become `_`. Names of Windows' devices get one in front on every system,
/// because folders travel. The result may be empty, `.` or `..`, which the caller refuses or
/// replaces.
pub fn cleaned(windows: bool, name: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            let char = if is_refused(windows, char) { '_' } else { char };
            safe.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
        keep_bytes(chunk.invalid(), &mut safe);
    }
    trim_end(windows, &mut safe);
    if is_device(&String::from_utf8_lossy(&safe)) {
        safe.insert(0, b'_');
    }
    safe
}

/// Removes what Windows drops at the end of a name.
pub fn trim_end(windows: bool, name: &mut Vec<u8>) {
    if windows {
        let end = name.iter().rposition(|byte| !matches!(byte, b'.' | b' '));
        name.truncate(end.map_or(0, |end| end + 1));
    }
}

#[cfg(unix)]
fn keep_bytes(bytes: &[u8], safe: &mut Vec<u8>) {
    safe.extend_from_slice(bytes);
}

/// Names are text here, so that each other byte becomes `_`.
#[cfg(not(unix))]
fn keep_bytes(bytes: &[u8], safe: &mut Vec<u8>) {
    safe.extend(bytes.iter().map(|_| b'_'));
}

/// Whether no name may have this character, which could lead elsewhere or fool a terminal.
pub fn is_refused(windows: bool, c: char) -> bool {
    let windows = windows && matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\');
    windows || c == '/' || is_code(c)
}

/// Whether Windows takes this name for a device.
pub fn is_device(name: &str) -> bool {
    let stem = name.split(['.', ':']).next().unwrap_or_default();
    let stem = stem.trim_end().to_uppercase();
    let numbered = |device: &str| {
        let digit = stem.strip_prefix(device).unwrap_or_default();
        let mut chars = digit.chars();
        chars.next().is_some_and(|c| DIGITS.contains(&c)) && chars.next().is_none()
    };
    DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(|device| numbered(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, safe) in [
            ("a.jpg", "a.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\a.jpg", "a.jpg"),
            ("größe 写真.jpg", "größe 写真.jpg"),
            ("12:30.txt", "12:30.txt"),
            ("a\n\u{1b}[2J\0b", "a__[2J_b"),
            ("gpj.\u{202e}exe", "gpj._exe"),
            ("..\n", ".._"),
        ] {
            assert_eq!(safe_name_on(false, name).unwrap(), safe);
        }
        for bad in ["", ".", "..", "a/..", "a/", "a\\"] {
            assert!(safe_name_on(false, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn devices_of_windows_are_no_names() {
        for name in [
            "CON",
            "nul",
            "Aux.txt",
            "com1.tar.gz",
            "LPT¹",
            "con .txt",
            "conin$",
            "NUL:x",
            "prn.",
        ] {
            let safe = safe_name_on(false, name).unwrap();
            assert_eq!(safe, format!("_{name}"));
        }
        for name in ["console", "com", "com10", "nullify.txt", "a.con", "COMx"] {
            assert_eq!(safe_name_on(false, name).unwrap(), name);
        }
    }

    #[test]
    fn windows_gets_names_that_it_can_hold() {
        for (name, safe) in [
            ("a:b<c>|\"?*.txt", "a_b_c_____.txt"),
            ("a. . ", "a"),
            ("nul.", "_nul"),
        ] {
            assert_eq!(safe_name_on(true, name).unwrap(), safe);
        }
        assert!(safe_name_on(true, "...").is_err());
    }
}
