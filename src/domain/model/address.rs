//! Which mail addresses are accepted: one bare address, `local@domain`, in characters that every
//! relay accepts. Used for the people file, the configuration and the command line.

/// Maximum length of an address (RFC 5321, 4.5.3.1.3, without the brackets).
const LONGEST: usize = 254;

/// Parses an address. The domain is returned in lower case and as A-labels; the local part is
/// unchanged.
///
/// # Errors
///
/// What is wrong, as a clause that never contains the address: "has no `@`".
pub(crate) fn parse(text: &str) -> Result<Box<str>, &'static str> {
    if !is_plain(text) {
        one_bare_address(text)?;
    }
    let (local, domain) = text.rsplit_once('@').ok_or("has no `@`")?;
    local_part(local)?;
    let domain = a_labels(domain)?;
    if local.len() + 1 + domain.len() > LONGEST {
        return Err("is longer than 254 characters");
    }
    let mut address = String::with_capacity(local.len() + 1 + domain.len());
    address.push_str(local);
    address.push('@');
    address.push_str(&domain);
    Ok(address.into_boxed_str())
}

/// Parses a domain: lower case, A-labels.
///
/// # Errors
///
/// What is wrong, as a clause.
pub(crate) fn domain(text: &str) -> Result<Box<str>, &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.contains('@') {
        return Err("has an `@`; a domain is what stands behind it");
    }
    a_labels(text).map(String::into_boxed_str)
}

/// The domain of a parsed address.
pub(crate) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Whether two addresses are the same mailbox. Servers may distinguish `Anna@` from `anna@`, but
/// in practice none does, and two people with one mailbox must be detected.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Fast path: only characters of a plain address.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'@');
    text.bytes().all(plain) && text.bytes().filter(|&b| b == b'@').count() == 1
}

/// Refuses several addresses and address syntax beyond a bare address.
fn one_bare_address(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("holds a line break or another control character");
    }
    if text.contains(['<', '>', '"', '(', ')']) {
        return Err("has a name, quotes or brackets around it; only the bare address may stand there");
    }
    if text.contains([',', ';']) || text.matches('@').count() > 1 {
        return Err("holds more than one address; exactly one may stand there");
    }
    if text.contains(char::is_whitespace) {
        return Err("holds a blank");
    }
    if text.starts_with("mailto:") {
        return Err("begins with `mailto:`; only the bare address may stand there");
    }
    Ok(())
}

/// The part before the `@`: ASCII, because a relay need not offer SMTPUTF8, and no first character
/// that a spreadsheet or a mail program would take for a formula or an option.
fn local_part(local: &str) -> Result<(), &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_~.".contains(&b);
    match local.as_bytes() {
        [] => Err("has nothing before the `@`"),
        long if long.len() > 64 => Err("has more than 64 characters before the `@`"),
        text if !text.is_ascii() => {
            Err("has letters other than a–z before the `@`, which not every mail server takes")
        }
        text if !text.iter().copied().all(allowed) => {
            Err("has a character before the `@` that may not stand there")
        }
        [b'.', ..] | [.., b'.'] => Err("has a dot at the beginning or end of the part before the `@`"),
        [first, ..] if !(first.is_ascii_alphanumeric() || *first == b'_') => {
            Err("begins with a sign; it must begin with a letter or digit")
        }
        text if text.windows(2).any(|two| two == b"..") => Err("has two dots in a row before the `@`"),
        _ => Ok(()),
    }
}

/// The part after the `@`: a DNS name with at least two labels.
fn a_labels(domain: &str) -> Result<String, &'static str> {
    if domain.is_empty() {
        return Err("has nothing after the `@`");
    }
    if domain.starts_with('[') {
        return Err("has a number in brackets instead of a domain");
    }
    let plain = domain.is_ascii() && !domain.as_bytes().windows(4).any(|w| w.eq_ignore_ascii_case(b"xn--"));
    let domain = if plain {
        Some(domain.to_ascii_lowercase()).filter(|domain| domain.len() <= 253)
    } else {
        idna::domain_to_ascii_strict(domain).ok()
    };
    let Some(domain) = domain.filter(|domain| domain.split('.').all(is_label)) else {
        return Err("has a domain that cannot exist");
    };
    match domain.rsplit_once('.') {
        None => Err("has a domain without a dot"),
        Some((_, top)) if top.bytes().all(|b| b.is_ascii_digit()) => Err("has a number instead of a domain"),
        Some(_) => Ok(domain),
    }
}

/// Letters, digits and hyphens, no hyphen at either end (RFC 1123, 2.1).
fn is_label(label: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_bare_address_is_accepted() {
        let cases = [
            "anna.berg@Ekdala.Example",
            "Anna.Berg+lista@ekdala.example",
            "o'neil@ekdala.example",
            "anna@exämple.se",
            "anna@XN--exmple-cua.se",
            "",
            "anna",
            "@ekdala.example",
            "anna@",
            "a@b@ekdala.example",
            "anna@ekdala.example, bo@ekdala.example",
            "anna@ekdala.example;bo@ekdala.example",
            "Anna Berg <anna@ekdala.example>",
            "\"anna\"@ekdala.example",
            "anna@ekdala.example\r\nBcc: bo@ekdala.example",
            "anna berg@ekdala.example",
            "mailto:anna@ekdala.example",
            "åsa@ekdala.example",
            "anna..berg@ekdala.example",
            ".anna@ekdala.example",
            "-oQ/tmp@ekdala.example",
            "=1+1@ekdala.example",
            "{{x}}@ekdala.example",
            "anna@localhost",
            "anna@[127.0.0.1]",
            "anna@127.0.0.1",
            "anna@ekdala..example",
            "anna@-ekdala.example",
            "anna@ekdala.example.",
            "anna@ek_dala.example",
            "anna@ek\u{202e}dala.example",
        ];
        let mut shown = String::new();
        for case in cases {
            let read = match parse(case) {
                Ok(address) => address.into_string(),
                Err(why) => format!("-- {why}"),
            };
            shown.push_str(&format!("{:<40} {read}\n", case.escape_default().to_string()));
        }
        expect_test::expect![[r#"
            anna.berg@Ekdala.Example                 anna.berg@ekdala.example
            Anna.Berg+lista@ekdala.example           Anna.Berg+lista@ekdala.example
            o\'neil@ekdala.example                   o'neil@ekdala.example
            anna@ex\u{e4}mple.se                     anna@xn--exmple-cua.se
            anna@XN--exmple-cua.se                   anna@xn--exmple-cua.se
                                                     -- is empty
            anna                                     -- has no `@`
            @ekdala.example                          -- has nothing before the `@`
            anna@                                    -- has nothing after the `@`
            a@b@ekdala.example                       -- holds more than one address; exactly one may stand there
            anna@ekdala.example, bo@ekdala.example   -- holds more than one address; exactly one may stand there
            anna@ekdala.example;bo@ekdala.example    -- holds more than one address; exactly one may stand there
            Anna Berg <anna@ekdala.example>          -- has a name, quotes or brackets around it; only the bare address may stand there
            \"anna\"@ekdala.example                  -- has a name, quotes or brackets around it; only the bare address may stand there
            anna@ekdala.example\r\nBcc: bo@ekdala.example -- holds a line break or another control character
            anna berg@ekdala.example                 -- holds a blank
            mailto:anna@ekdala.example               -- begins with `mailto:`; only the bare address may stand there
            \u{e5}sa@ekdala.example                  -- has letters other than a–z before the `@`, which not every mail server takes
            anna..berg@ekdala.example                -- has two dots in a row before the `@`
            .anna@ekdala.example                     -- has a dot at the beginning or end of the part before the `@`
            -oQ/tmp@ekdala.example                   -- begins with a sign; it must begin with a letter or digit
            =1+1@ekdala.example                      -- begins with a sign; it must begin with a letter or digit
            {{x}}@ekdala.example                     -- has a character before the `@` that may not stand there
            anna@localhost                           -- has a domain without a dot
            anna@[127.0.0.1]                         -- has a number in brackets instead of a domain
            anna@127.0.0.1                           -- has a number instead of a domain
            anna@ekdala..example                     -- has a domain that cannot exist
            anna@-ekdala.example                     -- has a domain that cannot exist
            anna@ekdala.example.                     -- has a domain that cannot exist
            anna@ek_dala.example                     -- has a domain that cannot exist
            anna@ek\u{202e}dala.example              -- has a domain that cannot exist
        "#]].assert_eq(&shown);
    }

    #[test]
    fn lengths_are_limited() {
        let long_local = format!("{}@ekdala.example", "a".repeat(65));
        let long_domain = format!("a@{}example", "abcdefghi.".repeat(25));
        assert!(parse(&long_local).is_err());
        assert!(parse(&long_domain).is_err());
    }
}
