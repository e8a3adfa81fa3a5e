//! The MIME type of a file: its name decides, except where programs give one name to different
//! files. There the first bytes decide.

use std::path::Path;

/// How many bytes at the beginning of a file are looked at.
pub const HEAD_BYTES: usize = 4_096;

/// The type of a transport stream.
///
/// Source: RFC 3555; the table of `mime_guess` has the name that DLNA uses.
const TRANSPORT_STREAM: &str = "video/mp2t";

/// The type of text whose language isn't known.
const TEXT: &str = "text/plain";

/// Extensions of transport streams. `ts` and `mts` are also TypeScript, and `ts` also
/// translations.
const STREAMS: [&str; 5] = ["ts", "mts", "cts", "m2ts", "m2t"];

/// Extensions that `mime_guess` takes for images and that source code and other text have, too:
/// schemas, drawings, models.
const ALSO_TEXT: [&str; 10] = [
    "art", "cod", "fbs", "fst", "hdr", "mac", "pic", "raw", "rgb", "sid",
];

/// The type of a file, by its name as the user sees it and by its first bytes.
pub fn of(path: &Path, head: &[u8]) -> String {
    let known = mime_guess::from_path(path).first();
    let is_sound = known
        .as_ref()
        .is_some_and(|guess| matches!(guess.type_().as_str(), "audio" | "video"));
    let is_unknown = known.is_none();
    let guess = known.unwrap_or(mime_guess::mime::APPLICATION_OCTET_STREAM);
    let guess = guess.essence_str();
    let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else {
        return guess.to_string();
    };
    let extension = extension.to_ascii_lowercase();
    let of = |extensions: &[&str]| extensions.contains(&extension.as_str());
    let chosen = if of(&STREAMS) {
        match (is_text(head), is_transport_stream(head)) {
            (true, _) => TEXT,
            (false, true) => TRANSPORT_STREAM,
            (false, false) => mime_guess::mime::APPLICATION_OCTET_STREAM.essence_str(),
        }
    } else if (is_sound || is_unknown || of(&ALSO_TEXT)) && is_text(head) {
        TEXT
    } else if extension == "rpm" && head.starts_with(&RPM) {
        "application/x-rpm"
    } else {
        guess
    };
    chosen.to_string()
}

/// How a package of the RPM package manager begins; `mime_guess` takes it for audio.
///
/// Source: the file format of RPM.
const RPM: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// Whether this may be text in some encoding: UTF-16 with its mark, or bytes without control
/// characters other than those of text.
fn is_text(head: &[u8]) -> bool {
    let of_text =
        |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | 0x20..=0x7e | 0x80..);
    has_utf16(head).unwrap_or_else(|| head.iter().all(of_text))
}

/// Whether UTF-16 text follows its mark; `None` without the mark. Some audio begins like it.
fn has_utf16(head: &[u8]) -> Option<bool> {
    let unit: fn([u8; 2]) -> u16 = match head {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, _) = head.as_chunks();
    // the head may end between the halves of a character
    let last = pairs.len() == HEAD_BYTES / 2;
    let mut characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).peekable();
    while let Some(character) = characters.next() {
        let fits = match character {
            Ok(character) => !character.is_control() || "\t\n\x0c\r".contains(character),
            Err(_) => last && characters.peek().is_none(),
        };
        if !fits {
            return Some(false);
        }
    }
    Some(true)
}

/// Whether each packet in the head begins with the synchronization byte.
///
/// Source: ISO/IEC 13818-1 for packets of 188 bytes; cameras put 4 bytes of time before each, and
/// broadcasters 16 bytes of checks behind each.
fn is_transport_stream(head: &[u8]) -> bool {
    const SYNC: u8 = 0x47;
    [(0, 188), (4, 192), (0, 204)]
        .into_iter()
        .any(|(offset, packet)| {
            let mut syncs = head.iter().skip(offset).step_by(packet).peekable();
            syncs.peek().is_some() && syncs.all(|byte| *byte == SYNC)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets with the synchronization byte at `offset`, as a real stream has them.
    fn stream(offset: usize, packet: usize) -> Vec<u8> {
        let mut bytes = vec![0; 40 * packet];
        bytes
            .iter_mut()
            .skip(offset)
            .step_by(packet)
            .for_each(|byte| *byte = 0x47);
        bytes.truncate(HEAD_BYTES);
        bytes
    }

    #[track_caller]
    fn expect(name: &str, head: &[u8], expected: &str) {
        assert_eq!(of(Path::new(name), head), expected, "{name}");
    }

    #[test]
    fn source_code_with_the_name_of_a_video_is_text() {
        let code = "export const größe = 1;\n".repeat(10);
        for name in [
            "app.ts",
            "APP.TS",
            "app.mts",
            "app.cts",
            "go.mod",
            "board.dts",
        ] {
            expect(name, code.as_bytes(), "text/plain");
        }
        expect("latin.ts", b"// caf\xe9\r\n\tlet x;", "text/plain");
        expect("utf16.ts", b"\xff\xfel\0e\0t\0", "text/plain");
        expect("G.ts", b"G", "text/plain");
    }

    #[test]
    fn a_real_transport_stream_is_a_video() {
        for (offset, packet) in [(0, 188), (4, 192), (0, 204)] {
            for name in ["tv.ts", "camera.MTS", "disc.m2ts", "tape.m2t"] {
                expect(name, &stream(offset, packet), "video/mp2t");
            }
        }
        expect("one.ts", &stream(0, 188)[..188], "video/mp2t");
        let mut broken = stream(0, 188);
        broken[188 * 3] = 0;
        expect("noise.ts", &broken, "application/octet-stream");
    }

    #[test]
    fn text_with_the_name_of_audio_or_video_is_text() {
        let text = "just words\n".as_bytes();
        for name in [
            "a.mp3", "a.mp4", "a.wav", "a.avi", "a.au", "a.ra", "a.qt", "a.dv", "a.rip", "a.smd",
            "a.snd", "a.tts", "a.dif", "a.mid", "a.mov",
        ] {
            let guess = mime_guess::from_path(name).first().unwrap();
            assert!(
                ["audio", "video"].contains(&guess.type_().as_str()),
                "{name}"
            );
            expect(name, text, "text/plain");
            expect(name, b"\xff\xfe\x01\0", guess.essence_str());
            expect(name, b"\0\x01", guess.essence_str());
        }
        for extension in ALSO_TEXT {
            let name = format!("a.{extension}");
            let guess = mime_guess::from_path(&name).first().unwrap();
            assert_eq!(guess.type_(), "image", "{name}");
            expect(&name, text, "text/plain");
            expect(&name, b"\0\x01", guess.essence_str());
        }
    }

    #[test]
    fn text_of_an_unknown_kind_is_text() {
        for name in ["a.unknown-kind", "notes.2026"] {
            expect(name, b"just words\n", "text/plain");
            expect(name, b"\xff\xfea\0\n\0", "text/plain");
            expect(name, b"\0\x01", "application/octet-stream");
        }
        let mut cut = vec![0xff, 0xfe];
        cut.resize(HEAD_BYTES - 2, b' ');
        cut.extend([0x3d, 0xd8]);
        expect("cut.unknown-kind", &cut, "text/plain");
        cut.truncate(HEAD_BYTES - 4);
        cut.extend([0x3d, 0xd8]);
        expect("broken.unknown-kind", &cut, "application/octet-stream");
    }

    #[test]
    fn other_names_decide_alone() {
        for (name, expected) in [
            ("photo.jpg", "image/jpeg"),
            ("PHOTO.JPEG", "image/jpeg"),
            ("drawing.svg", "image/svg+xml"),
            ("page.html", "text/html"),
            ("9f8e7d", "application/octet-stream"),
            (".ts", "application/octet-stream"),
        ] {
            expect(name, b"any text", expected);
        }
        expect("film.mod", &[0, 0, 1, 0xba], "video/mpeg");
        expect("film.mp4", b"\0\0\0\x20ftypisom", "video/mp4");
        expect("song.mp3", b"ID3\x04\0", "audio/mpeg");
        expect(
            "tool.rpm",
            &[0xed, 0xab, 0xee, 0xdb, 3],
            "application/x-rpm",
        );
    }
}
