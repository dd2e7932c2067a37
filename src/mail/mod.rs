//! Outgoing and incoming mail. The only folder that uses the mail packages.

pub(crate) mod auth_token;
pub mod dns;
pub(crate) mod files;
pub(crate) mod inbound;
pub mod message;
pub(crate) mod sendmail;
pub mod smtp;
pub mod transport;
