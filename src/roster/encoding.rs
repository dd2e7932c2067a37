//! Detects and decodes the encoding of a people file in one pass: by the byte order
//! mark, else by the first non-ASCII bytes. If they are not valid UTF-8 the file is
//! Windows-1252, as Swedish Excel saves it. A byte that does not fit is an error of
//! the value it is in.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Chain, Cursor, Read};

use encoding_rs::{CoderResult, Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The encoding of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Encoding {
    /// ASCII only.
    #[default]
    Ascii,
    /// UTF-8 without a byte order mark.
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Marked,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Windows-1252.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Encoding::Ascii => "ASCII",
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf8Marked => "UTF-8 with a byte order mark",
            Encoding::Utf16Le => "UTF-16, little-endian",
            Encoding::Utf16Be => "UTF-16, big-endian",
            Encoding::Windows1252 => "Windows-1252",
        })
    }
}

/// Replaces an unpaired surrogate: this byte is never valid in UTF-8, so the value
/// is rejected like any other that cannot be decoded.
const INVALID_BYTE: u8 = 0xFF;

type Head<R> = Chain<Cursor<Vec<u8>>, R>;

/// The bytes of a file: UTF-16 is transcoded to UTF-8 and the byte order mark removed.
pub(super) enum InputReader<R: Read> {
    /// UTF-8 or Windows-1252, unchanged.
    Plain(Head<R>),
    /// UTF-16, transcoded.
    Utf16(Utf16<Head<R>>),
}

impl<R: Read> InputReader<R> {
    /// Detects the encoding from the first bytes. `None` for UTF-16 without a byte order
    /// mark, which cannot be read safely.
    pub(super) fn open(mut reader: R) -> io::Result<(InputReader<R>, Option<Encoding>)> {
        let mut head = Vec::with_capacity(4);
        reader.by_ref().take(4).read_to_end(&mut head)?;
        let (encoding, mark) = match head[..] {
            [0xEF, 0xBB, 0xBF, ..] => (Some(Encoding::Utf8Marked), 3),
            [0xFF, 0xFE, ..] => (Some(Encoding::Utf16Le), 2),
            [0xFE, 0xFF, ..] => (Some(Encoding::Utf16Be), 2),
            [0, 1..=255, ..] | [1..=255, 0, ..] => (None, 0),
            _ => (Some(Encoding::Ascii), 0),
        };
        let bytes = Cursor::new(head.split_off(mark)).chain(reader);
        let source = match encoding {
            Some(Encoding::Utf16Le) => InputReader::Utf16(Utf16::new(bytes, UTF_16LE)),
            Some(Encoding::Utf16Be) => InputReader::Utf16(Utf16::new(bytes, UTF_16BE)),
            _ => InputReader::Plain(bytes),
        };
        Ok((source, encoding))
    }
}

impl<R: Read> Read for InputReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            InputReader::Plain(bytes) => bytes.read(buffer),
            InputReader::Utf16(text) => text.read(buffer),
        }
    }
}

/// A reader that transcodes UTF-16 to UTF-8 chunk by chunk.
pub(super) struct Utf16<R> {
    inner: R,
    decoder: Decoder,
    coded: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
}

/// Bytes of UTF-16 transcoded at a time.
const CHUNK: usize = 16 * 1024;

impl<R: Read> Utf16<R> {
    fn new(inner: R, encoding: &'static encoding_rs::Encoding) -> Utf16<R> {
        let decoder = encoding.new_decoder_without_bom_handling();
        Utf16 { inner, decoder, coded: vec![0; CHUNK], text: Vec::new(), given: 0, ended: false }
    }

    /// Transcodes the next chunk; leaves nothing after the end.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.given = 0;
        let read = self.inner.read(&mut self.coded)?;
        self.ended = read == 0;
        let mut coded = &self.coded[..read];
        loop {
            let most = self.decoder.max_utf8_buffer_length_without_replacement(coded.len()).unwrap_or(CHUNK);
            let start = self.text.len();
            self.text.resize(start + most, 0);
            let space = &mut self.text[start..];
            let (result, used, written) =
                self.decoder.decode_to_utf8_without_replacement(coded, space, self.ended);
            self.text.truncate(start + written);
            coded = &coded[used..];
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.text.push(INVALID_BYTE),
            }
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.refill()?;
        }
        let count = buffer.len().min(self.text.len() - self.given);
        buffer[..count].copy_from_slice(&self.text[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// Stands for a byte that is not valid in the encoding of the file. It is a
/// noncharacter, which no text contains, so a value with it is recognised later,
/// and only if the value is read at all.
pub(super) const INVALID_CHARACTER: char = '\u{fdd0}';

/// Decodes lines and detects the encoding from the first non-ASCII bytes.
pub(super) struct LineDecoder {
    pub(super) encoding: Encoding,
    buffer: String,
}

impl LineDecoder {
    pub(super) fn new(encoding: Encoding) -> LineDecoder {
        LineDecoder { encoding, buffer: String::new() }
    }

    /// The text of a line, with [`INVALID_CHARACTER`] for each invalid byte. `following`
    /// are the next bytes of the file, as far as they are known: one invalid byte in a
    /// comment must not decide how the names of everybody are read.
    pub(super) fn read<'a>(&'a mut self, line: &'a [u8], following: &[u8]) -> &'a str {
        if self.encoding != Encoding::Windows1252 {
            // not returned from here, because the borrow would last for the whole function
            let is_valid = std::str::from_utf8(line).is_ok();
            if self.encoding == Encoding::Ascii && !line.is_ascii() {
                let is_utf8 = is_valid || is_mostly_utf8(line, following);
                self.encoding = if is_utf8 { Encoding::Utf8 } else { Encoding::Windows1252 };
            }
            if self.encoding != Encoding::Windows1252 {
                return if is_valid {
                    std::str::from_utf8(line).unwrap_or_default()
                } else {
                    self.lossy(line)
                };
            }
        }
        self.windows_1252(line)
    }

    fn lossy(&mut self, line: &[u8]) -> &str {
        self.buffer.clear();
        for chunk in line.utf8_chunks() {
            self.buffer.push_str(chunk.valid());
            self.buffer.extend(chunk.invalid().iter().map(|_| INVALID_CHARACTER));
        }
        &self.buffer
    }

    fn windows_1252(&mut self, line: &[u8]) -> &str {
        self.buffer.clear();
        let mut decoder = WINDOWS_1252.new_decoder_without_bom_handling();
        self.buffer.reserve(decoder.max_utf8_buffer_length(line.len()).unwrap_or(0));
        let (result, ..) = decoder.decode_to_string(line, &mut self.buffer, true);
        debug_assert_eq!(result, CoderResult::InputEmpty, "the buffer holds the whole line");
        &self.buffer
    }
}

/// Returns true if more of the non-ASCII bytes are characters of UTF-8 than not.
fn is_mostly_utf8(line: &[u8], following: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0, 0);
    for chunk in line.utf8_chunks().chain(following.utf8_chunks()) {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        invalid += chunk.invalid().len();
    }
    valid > invalid
}

/// Detects UTF-8 that was decoded as Windows-1252 and saved again, as in `Ã…sa`: `Ã`
/// or `Â` before a character whose byte is a UTF-8 continuation byte, or `â€`, with
/// which typographic quotes and dashes start.
pub(super) fn is_double_encoded(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let mut before = ' ';
    text.chars().any(|c| {
        let broken = match before {
            'Ã' | 'Â' => is_trail(c),
            'â' => c == '€',
            _ => false,
        };
        before = c;
        broken
    })
}

/// Returns true if the Windows-1252 byte of the character is 0x80 to 0xBF. Bytes
/// without a character decode to the control characters of the same number.
fn is_trail(c: char) -> bool {
    let mut text = [0; 4];
    let (byte, _, failed) = WINDOWS_1252.encode(c.encode_utf8(&mut text));
    let byte: Cow<'_, [u8]> = byte;
    !failed && matches!(byte[..], [0x80..=0xBF])
}
