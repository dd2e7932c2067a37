//! Maps the sign-in settings of the configuration to the types of `mail`.

use crate::config::{Password, SmtpConfig, TokenConfig};
use crate::mail::auth_token::TokenSource;

/// The source of the XOAUTH2 access token, if one is configured.
pub(crate) fn token_source(smtp: &SmtpConfig) -> Option<TokenSource> {
    Some(match smtp.token.as_ref()? {
        TokenConfig::Command(words) => TokenSource::Command(words.clone()),
        TokenConfig::File(file) => TokenSource::File(file.clone()),
        TokenConfig::Endpoint { url, client_id, client_secret, scope } => {
            // The configuration accepts a file only.
            let Password::File(client_secret_file) = client_secret.clone() else { return None };
            let (url, client_id, scope) = (url.clone(), client_id.clone(), scope.clone());
            TokenSource::Endpoint { url, client_id, client_secret_file, scope }
        }
    })
}
