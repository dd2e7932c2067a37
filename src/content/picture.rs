//! Reads format and size of a picture from its first bytes. Mails declare the
//! size so that the layout does not shift while the picture loads.

use std::sync::Arc;

use crate::domain::model::picture::{Media, Picture};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = &[0xFF, 0xD8];

/// Returns the picture if the bytes are a PNG or JPEG.
pub(super) fn read(bytes: &Arc<[u8]>) -> Option<Picture> {
    let (media, (width, height)) = if bytes.starts_with(PNG) {
        (Media::Png, png(bytes)?)
    } else if bytes.starts_with(JPEG) {
        (Media::Jpeg, jpeg(bytes)?)
    } else {
        return None;
    };
    (width > 0 && height > 0).then(|| Picture { media, width, height, bytes: Arc::clone(bytes) })
}

/// The size is in the first chunk (IHDR).
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    (bytes.get(12..16)? == b"IHDR").then_some((number(16)?, number(20)?))
}

/// The size is in the first SOF segment.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let mut at = JPEG.len();
    loop {
        let (mark, kind) = (*bytes.get(at)?, *bytes.get(at + 1)?);
        match kind {
            _ if mark != 0xFF => return None,
            // Padding bytes.
            0xFF => at += 1,
            // A start-of-frame marker; the other three in this range define tables.
            0xC0..=0xCF if !matches!(kind, 0xC4 | 0xC8 | 0xCC) => {
                return Some((number(at + 7)?.into(), number(at + 5)?.into()));
            }
            _ => at += 2 + usize::from(number(at + 2)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(bytes: &[u8]) -> Option<(Media, u32, u32)> {
        read(&Arc::from(bytes)).map(|picture| (picture.media, picture.width, picture.height))
    }

    #[test]
    fn size_is_read_from_png_and_jpeg() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x58\0\0\x01\x52\x08";
        assert_eq!(size(png), Some((Media::Png, 600, 338)));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08\x01\x52\x02\x58\x03";
        assert_eq!(size(jpeg), Some((Media::Jpeg, 600, 338)));
    }

    #[test]
    fn other_bytes_are_no_picture() {
        let frame_of_nothing = b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\0\x03";
        for bytes in [
            &b""[..],
            b"GIF89a",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8",
            b"\xff\xd8\xff\xe0\xff\xff",
            frame_of_nothing,
        ] {
            assert_eq!(size(bytes), None, "{bytes:?}");
        }
    }
}
