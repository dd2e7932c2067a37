//! A picture that is sent inside a mail.

use std::fmt;
use std::sync::Arc;

/// A picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub(crate) media: Media,
    /// In pixels; never 0.
    pub(crate) width: u32,
    /// In pixels; never 0.
    pub(crate) height: u32,
    /// The file, unchanged.
    pub bytes: Arc<[u8]>,
}

/// The image format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Png,
    Jpeg,
}

impl Media {
    /// The MIME subtype.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Media::Png => "image/png",
            Media::Jpeg => "image/jpeg",
        }
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Picture { media, width, height, bytes } = self;
        write!(f, "{} {width}x{height}, {} bytes", media.as_str(), bytes.len())
    }
}
