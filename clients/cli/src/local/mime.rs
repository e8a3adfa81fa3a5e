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

/// Further extensions that `mime_guess` takes for media and that source code and other text have,
/// too: modules of Go and Modula-2, device trees, schemas, drawings, models.
const ALSO_TEXT: [&str; 17] = [
    "art", "cod", "dif", "dts", "fbs", "fst", "hdr", "mac", "mod", "pic", "raw", "rgb", "rip",
    "sid", "smd", "snd", "tts",
];

/// The type of a file, by its name as the user sees it and by its first bytes.
pub fn of(path: &Path, head: &[u8]) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
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
    } else if of(&ALSO_TEXT) && is_text(head) {
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
    let utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let of_text =
        |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | 0x20..=0x7e | 0x80..);
    utf16 || head.iter().all(of_text)
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
    fn other_names_decide_alone() {
        for (name, expected) in [
            ("photo.jpg", "image/jpeg"),
            ("PHOTO.JPEG", "image/jpeg"),
            ("film.mp4", "video/mp4"),
            ("song.mp3", "audio/mpeg"),
            ("drawing.svg", "image/svg+xml"),
            ("page.html", "text/html"),
            ("9f8e7d", "application/octet-stream"),
            (".ts", "application/octet-stream"),
        ] {
            expect(name, b"any text", expected);
        }
        expect("film.mod", &[0, 0, 1, 0xba], "video/mpeg");
        expect(
            "tool.rpm",
            &[0xed, 0xab, 0xee, 0xdb, 3],
            "application/x-rpm",
        );
    }
}
