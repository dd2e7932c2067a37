//! What the configuration says of signing in at the relay, in the words of
//! those who do it.

use crate::config::{Password, SmtpConfig, TokenConfig};
use crate::mail::token::Source;

/// Where the access token of XOAUTH2 comes from, where it is not a password.
pub fn token_source(smtp: &SmtpConfig) -> Option<Source> {
    Some(match smtp.token.as_ref()? {
        TokenConfig::Command(words) => Source::Command(words.clone()),
        TokenConfig::File(file) => Source::File(file.clone()),
        TokenConfig::Endpoint { url, client_id, client_secret, scope } => {
            // The configuration takes it from a file alone.
            let Password::File(client_secret_file) = client_secret.clone() else { return None };
            let (url, client_id, scope) = (url.clone(), client_id.clone(), scope.clone());
            Source::Endpoint { url, client_id, client_secret_file, scope }
        }
    })
}
