//! Parses the reply to EHLO: the extensions of a relay.

use super::reply::RawReply;

/// The EHLO extensions of the relay that we use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EhloExtensions {
    /// PIPELINING: several commands in one write.
    pub(crate) pipelining: bool,
    /// STARTTLS.
    pub(crate) starttls: bool,
    /// SMTPUTF8: addresses that are not ASCII.
    pub(crate) smtputf8: bool,
    /// SIZE: MAIL may announce the size of the message.
    pub(crate) size: bool,
    /// The maximum message size; `None` without a limit.
    pub(crate) largest: Option<u64>,
    /// The authentication mechanisms, as the relay spells them.
    pub(crate) auth: Vec<String>,
}

impl EhloExtensions {
    /// Parses the reply to EHLO, whose first line is only a name.
    pub(super) fn of(lines: &RawReply) -> EhloExtensions {
        let mut extensions = EhloExtensions::default();
        for text in lines.texts.iter().skip(1) {
            // Some old relays write `AUTH=PLAIN`.
            let mut words = text.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "PIPELINING" => extensions.pipelining = true,
                "STARTTLS" => extensions.starttls = true,
                "SMTPUTF8" => extensions.smtputf8 = true,
                "SIZE" => {
                    extensions.size = true;
                    extensions.largest =
                        words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0);
                }
                "AUTH" => extensions.auth.extend(words.map(str::to_ascii_uppercase)),
                _ => {}
            }
        }
        extensions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ehlo_extensions_are_parsed() {
        let texts = ["relay.example", "size 10000", "PIPELINING", "AUTH=LOGIN", "AUTH PLAIN xoauth2"];
        let lines = RawReply { code: 250, texts: texts.map(str::to_owned).into(), ..RawReply::default() };
        let extensions = EhloExtensions::of(&lines);
        assert!(extensions.pipelining && extensions.size && !extensions.starttls && !extensions.smtputf8);
        assert_eq!(
            (extensions.largest, extensions.auth.join(" ")),
            (Some(10_000), "LOGIN PLAIN XOAUTH2".to_owned())
        );
        let lines = RawReply {
            code: 250,
            texts: ["PIPELINING", "SIZE 0"].map(str::to_owned).into(),
            ..RawReply::default()
        };
        assert_eq!(EhloExtensions::of(&lines), EhloExtensions { size: true, ..EhloExtensions::default() });
    }
}
