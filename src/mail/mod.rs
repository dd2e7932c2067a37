//! Mails out: the only place that knows the mail package.

pub mod bounce;
pub mod compose;
pub mod dkim;
pub mod dns;
pub mod files;
pub mod mime;
mod quoted_printable;
pub mod relay;
pub mod sendmail;
pub mod token;
