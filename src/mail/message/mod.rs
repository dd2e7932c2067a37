//! From an email to the bytes of a message: headers, MIME, quoted-printable, DKIM signature.

pub mod compose;
pub mod dkim;
pub mod mime;
pub(crate) mod quoted_printable;
