//! A picture that leaves with a mail, as a value.

use std::fmt;
use std::sync::Arc;

/// A picture, small enough to leave with a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// How it is written down.
    pub(crate) media: Media,
    /// How wide it is, in pixels; never 0.
    pub(crate) width: u32,
    /// How high it is, in pixels; never 0.
    pub(crate) height: u32,
    /// The file as it is.
    pub bytes: Arc<[u8]>,
}

/// How a picture is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// For drawings.
    Png,
    /// For photographs.
    Jpeg,
}

impl Media {
    /// What mail programs call it.
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
