//! Mails out: the only place that knows the mail package.

pub mod auth_token;
pub mod dns;
pub mod files;
pub mod inbound;
pub mod message;
pub mod sendmail;
pub mod smtp;
