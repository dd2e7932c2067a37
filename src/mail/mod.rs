//! Mails out: the only place that knows the mail package.

pub(crate) mod auth_token;
pub mod dns;
pub(crate) mod files;
pub(crate) mod inbound;
pub mod message;
pub(crate) mod sendmail;
pub mod smtp;
