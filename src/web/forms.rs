//! Whether a form comes from a page of ours. The link is the only authority: a browser sends
//! nothing by itself, as it would a cookie.

use super::request::Origin;
use crate::engine::tokens::form::FormToken;

/// The result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormCheck {
    Accepted,
    /// The page was open for too long: it is shown once more, with what was written.
    Expired,
    /// It comes from elsewhere: it is shown once more, with status 403.
    Refused,
}

/// Checks the origin and the form token.
pub(super) fn check(origin: &Origin, own: &str, token: FormToken) -> FormCheck {
    let is_own = match origin {
        Origin::Named(origin) => origin == own,
        Origin::Hidden => true,
        Origin::Unknown => false,
    };
    match (is_own, token) {
        (false, _) | (_, FormToken::Invalid) => FormCheck::Refused,
        (true, FormToken::Expired) => FormCheck::Expired,
        (true, FormToken::Valid) => FormCheck::Accepted,
    }
}
