//! Form tokens: a form is accepted only from a page that this program has shown for the same link.

use ring::hmac::sign;

use super::{Keys, SECONDS_A_DAY, TAG, is_signature};
use crate::domain::time::timezone::Timestamp;

/// How long a page can stay open before its form is shown once more.
const LIFETIME: i64 = SECONDS_A_DAY;

/// Whether a form is from a page of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormToken {
    Valid,
    /// From a page that was shown more than a day ago.
    Expired,
    Invalid,
}

impl Keys {
    /// The hidden field of the form on a page that was opened with a link.
    pub(crate) fn form_token(&self, link: &str, now: Timestamp) -> String {
        let expires = now.timestamp() + LIFETIME;
        self.form_token_until(link, expires)
    }

    /// Whether the hidden field belongs to this link.
    pub(crate) fn check_form_token(&self, field: &str, link: &str, now: Timestamp) -> FormToken {
        let Some(bytes) = self.letters.decode(field.as_bytes()).ok() else { return FormToken::Invalid };
        let Some((said, tag)) = bytes.split_at_checked(size_of::<i64>()) else { return FormToken::Invalid };
        if !is_signature(&self.form, &message(said, link), tag) {
            return FormToken::Invalid;
        }
        let expires = said.try_into().map_or(i64::MIN, i64::from_be_bytes);
        if now.timestamp() < expires { FormToken::Valid } else { FormToken::Expired }
    }

    fn form_token_until(&self, link: &str, expires: i64) -> String {
        let said = expires.to_be_bytes();
        let tag = sign(&self.form, &message(&said, link));
        self.letters.encode(&[&said, &tag.as_ref()[..TAG]].concat())
    }
}

/// What is signed. A link is the same in upper and lower case.
fn message(said: &[u8], link: &str) -> Vec<u8> {
    [said, link.to_ascii_lowercase().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Secrets;

    #[test]
    fn a_form_token_is_for_one_link_and_one_day() {
        let keys = Keys::new(&Secrets::first([7; 32]));
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let now = at("2026-12-01T07:30:00Z");
        let field = keys.form_token("abc234", now);
        let check = |field: &str, link, now| keys.check_form_token(field, link, now);
        assert_eq!(check(&field, "abc234", now), FormToken::Valid);
        assert_eq!(check(&field.to_uppercase(), "ABC234", now), FormToken::Valid);
        assert_eq!(check(&field, "abc235", now), FormToken::Invalid, "another link");
        assert_eq!(check(&field, "abc234", at("2026-12-02T07:29:59Z")), FormToken::Valid);
        assert_eq!(check(&field, "abc234", at("2026-12-02T07:30:00Z")), FormToken::Expired);
        for wrong in ["", "a", &field[1..], &format!("{field}a"), "åäö"] {
            assert_eq!(check(wrong, "abc234", now), FormToken::Invalid, "{wrong}");
        }
        let other = Keys::new(&Secrets::first([8; 32]));
        assert_eq!(other.check_form_token(&field, "abc234", now), FormToken::Invalid);
    }
}
