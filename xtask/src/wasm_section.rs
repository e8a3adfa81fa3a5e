//! Custom sections of WebAssembly modules.

use crate::outcome::Result;

const HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";
const CUSTOM: u8 = 0;

/// Appends a custom section to a module and changes nothing else.
pub fn append(module: &[u8], name: &str, content: &[u8]) -> Result<Vec<u8>> {
    if custom_sections(module)?.iter().any(|(n, _)| *n == name) {
        return Err(format!(
            "the module has a section {name} already, expected none"
        ));
    }
    let mut section = Vec::new();
    write_length(&mut section, name.len());
    section.extend(name.as_bytes());
    section.extend(content);
    let mut out = module.to_vec();
    out.push(CUSTOM);
    write_length(&mut out, section.len());
    out.extend(section);
    Ok(out)
}

/// Returns the name and the content of each custom section.
pub fn custom_sections(module: &[u8]) -> Result<Vec<(&str, &[u8])>> {
    let mut rest = module
        .strip_prefix(&HEADER)
        .ok_or("the header is unknown, expected a WebAssembly module of version 1")?;
    let mut found = Vec::new();
    while let Some((&id, after)) = rest.split_first() {
        let (section, following) = take(after)?;
        if id == CUSTOM {
            let (name, content) = take(section)?;
            let name = std::str::from_utf8(name).map_err(|e| format!("a section's name: {e}"))?;
            found.push((name, content));
        }
        rest = following;
    }
    Ok(found)
}

/// Reads a length and splits off that many bytes.
fn take(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let (length, rest) = read_length(bytes)?;
    rest.split_at_checked(length).ok_or_else(|| {
        format!(
            "a part of the module has {} bytes, expected {length}",
            rest.len()
        )
    })
}

/// Reads an unsigned LEB128 number of at most 32 bits.
fn read_length(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value)
                .map_err(|_| "a length has more than 32 bits, expected at most 32")?;
            return Ok((value as usize, &bytes[i + 1..]));
        }
    }
    Err("a length has more than 5 bytes, expected at most 5".to_string())
}

fn write_length(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_appended_and_found_again() {
        let content = vec![b'x'; 300];
        let one = append(&HEADER, "icp:public candid:service", &content).unwrap();
        let two = append(&one, "other", b"").unwrap();
        assert!(two.starts_with(&one));
        assert_eq!(
            custom_sections(&two).unwrap(),
            vec![("icp:public candid:service", &content[..]), ("other", b"")]
        );
        // id, 326 = c6 02 in LEB128, 25 = 19, then the name
        assert_eq!(one[8..13], [0, 0xc6, 2, 25, b'i']);
    }

    #[test]
    fn a_section_is_not_written_twice() {
        let one = append(&HEADER, "name", b"1").unwrap();
        assert!(append(&one, "name", b"2").unwrap_err().contains("already"));
    }

    #[test]
    fn bytes_that_are_no_module_are_an_error() {
        for bad in [
            &b""[..],
            b"\0asm\x02\0\0\0",
            b"\0asm\x01\0\0\0\x00\x05\x01a",
            b"\0asm\x01\0\0\0\x00\xff\xff\xff\xff\xff",
            b"\0asm\x01\0\0\0\x00\xff\xff\xff\xff\x7f",
        ] {
            assert!(custom_sections(bad).is_err(), "{bad:?}");
        }
    }
}
