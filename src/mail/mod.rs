//! Mails out: the only place that knows the mail package.

pub mod files;
pub mod mime;
