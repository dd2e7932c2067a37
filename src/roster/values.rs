//! Validates values column by column. Error messages never contain the value:
//! people files hold personal data, and messages end up in logs.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::domain::diagnostic::visible;
use crate::domain::model::address;
use crate::domain::model::ids::Language;

use super::encoding::{Encoding, INVALID_CHARACTER, is_double_encoded};
use super::identity;

/// Why a value is rejected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ValueError {
    /// The code of the diagnostic.
    pub(super) code: &'static str,
    /// The message; it follows the name of the column.
    pub(super) message: String,
    /// How to correct it.
    pub(super) hint: Option<String>,
}

impl ValueError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> ValueError {
        ValueError { code, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> ValueError {
        self.hint = Some(hint.into());
        self
    }
}

/// Maximum length of a name of a person, unit or department and of an additional value, in
/// characters.
const MAX_TEXT_LENGTH: usize = 200;

/// Maximum length of an id, in characters.
const MAX_ID_LENGTH: usize = 64;

/// Rejects what no value may have: bytes that cannot be decoded, line breaks, control
/// characters and direction marks. Everything else is for the surface that shows it.
pub(super) fn printable(text: &str, encoding: Encoding) -> Result<(), ValueError> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Ok(());
    }
    let Some(found) = text.chars().find(|&c| is_refused(c)) else { return Ok(()) };
    Err(match found {
        INVALID_CHARACTER => {
            let message = match encoding {
                Encoding::Utf16Le | Encoding::Utf16Be => "has half a character of UTF-16",
                _ => "has a byte that is not valid UTF-8, although the rest of the file is UTF-8",
            };
            ValueError::new("encoding", message).hint("export the whole file as UTF-8")
        }
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
            ValueError::new("line-break", "has a line break").hint("remove the line break in the HR system")
        }
        c if c.is_control() => {
            ValueError::new("control-character", format!("has the control character U+{:04X}", u32::from(c)))
                .hint("remove it in the HR system; it cannot be seen")
        }
        c => ValueError::new(
            "direction-mark",
            format!("has the character U+{:04X}, which changes the direction of text", u32::from(c)),
        )
        .hint("remove it in the HR system; it cannot be seen"),
    })
}

fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | INVALID_CHARACTER)
}

/// The name of a person, unit or department, or an additional value: any text, in NFC with
/// single blanks. Empty if it has no visible character.
pub(super) fn free_text(text: &str) -> Result<Cow<'_, str>, ValueError> {
    if text.len() <= MAX_TEXT_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(Cow::Borrowed(text));
    }
    let text = normalize(text);
    if text.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return Ok(Cow::Borrowed(""));
    }
    short_enough(&text, MAX_TEXT_LENGTH)?;
    Ok(text)
}

/// A free text that must not be empty.
pub(super) fn filled_text(text: &str) -> Result<Cow<'_, str>, ValueError> {
    match free_text(text)? {
        text if text.is_empty() => Err(ValueError::new("missing-value", "has no visible character")),
        text => Ok(text),
    }
}

/// What a value looks like that is probably a mistake. It is imported and shown as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resemblance {
    /// Text that was decoded wrongly.
    Garbled,
    Link,
    Markup,
    Formula,
}

impl Resemblance {
    /// The first resemblance of a value.
    pub(super) fn of(text: &str) -> Option<Resemblance> {
        if text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let has = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
        if has(&["\u{fffd}"]) || is_double_encoded(text) {
            Some(Resemblance::Garbled)
        } else if has(&["://", "www.", "mailto:", "@"]) && !text.starts_with('@') || has_domain(text) {
            Some(Resemblance::Link)
        } else if has(&["<", ">", "{{", "}}", "](", "`", "**"]) || has_entity(text) {
            Some(Resemblance::Markup)
        } else if text.starts_with(['=', '+', '@', '-']) && !is_number(text) {
            Some(Resemblance::Formula)
        } else {
            None
        }
    }

    /// The message; it follows the name of the column.
    pub(super) fn message(self) -> &'static str {
        match self {
            Resemblance::Garbled => "seems to have wrong letters, as if UTF-8 was read as Windows-1252",
            Resemblance::Link => "looks like a link",
            Resemblance::Markup => "looks like markup",
            Resemblance::Formula => "looks like a formula of a spreadsheet",
        }
    }
}

/// A number with a sign, like that of a telephone.
fn is_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || " .,-".contains(c);
    text.strip_prefix(['+', '-']).is_some_and(|rest| rest.chars().all(is_part))
}

/// A word like `example.com`.
fn has_domain(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        word.rsplit_once('.').is_some_and(|(host, end)| {
            end.len() >= 2 && end.bytes().all(|b| b.is_ascii_lowercase()) && host.len() >= 2
        })
    })
}

/// A character reference like `&amp;`.
fn has_entity(text: &str) -> bool {
    text.split('&').skip(1).any(|rest| {
        rest.split_once(';').is_some_and(|(name, _)| {
            !name.is_empty()
                && name.len() <= 8
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
        })
    })
}

/// An employee id. It is text, never a number, and has only characters that are
/// safe in file names and on command lines.
pub(super) fn employee_id(text: &str) -> Result<&str, ValueError> {
    if text.len() <= MAX_ID_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(text);
    }
    if let Some((whole, "0" | "00")) = text.split_once(['.', ','])
        && whole.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(damaged());
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    id(text, "employee-id", allowed, "an employee id has letters a–z, digits, `-`, `_` and `.`")?;
    Ok(text)
}

/// A unit id; blanks and slashes are allowed.
pub(super) fn unit_id(text: &str) -> Result<Cow<'_, str>, ValueError> {
    let text = normalize(text);
    let allowed = |c: char| c.is_alphanumeric() || "-_.:/ ".contains(c);
    id(&text, "unit-id", allowed, "a unit id has letters, digits, blanks and `-` `_` `.` `:` `/`")?;
    Ok(text)
}

fn id(text: &str, code: &'static str, allowed: impl Fn(char) -> bool, rule: &str) -> Result<(), ValueError> {
    if is_scientific(text) {
        return Err(damaged());
    }
    short_enough(text, MAX_ID_LENGTH)?;
    only(code, text, allowed, rule)?;
    if !text.starts_with(char::is_alphanumeric) {
        return Err(ValueError::new(code, "must begin with a letter or digit"));
    }
    Ok(())
}

fn damaged() -> ValueError {
    ValueError::new("spreadsheet-damage", "has a number that a spreadsheet made of an id")
        .hint("format the column as text before pasting or opening the file; digits are lost for good")
}

/// Detects scientific notation such as `1,23E+05`.
fn is_scientific(text: &str) -> bool {
    let Some((factor, power)) = text.split_once("E+").or_else(|| text.split_once("e+")) else { return false };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    digits(power) && digits(&factor.replacen([',', '.'], "", 1))
}

/// A mail address.
pub(super) fn email(text: &str) -> Result<Box<str>, ValueError> {
    address::parse(text).map_err(|why| ValueError::new("address", why))
}

/// A BCP 47 language tag.
pub(super) fn language(text: &str) -> Result<Language, ValueError> {
    Language::parse(text).ok_or_else(|| {
        ValueError::new("language", format!("has {}, which is not a language tag", shown(text)))
            .hint("write a tag like sv, en or nb-NO")
    })
}

/// A boolean.
pub(super) fn flag(text: &str) -> Result<bool, ValueError> {
    match text.to_lowercase().as_str() {
        "true" | "sant" | "ja" | "yes" | "1" | "x" => Ok(true),
        "false" | "falskt" | "nej" | "no" | "0" | "" => Ok(false),
        _ => Err(ValueError::new("protected", format!("has {}, which is neither yes nor no", shown(text)))
            .hint("write true, ja, yes, 1 or x; or false, nej, no, 0 or nothing")),
    }
}

/// Whether an employment is the main one. HR systems write yes, or the kind of employment;
/// everything else means no.
pub(super) fn is_main(text: &str) -> bool {
    flag(text).unwrap_or(false)
        || matches!(text.to_lowercase().as_str(), "main" | "huvudanställning" | "huvud")
}

/// A value for a message: verbatim if it has only digits and signs and is no
/// identity number, else only its shape.
pub(super) fn shown(text: &str) -> String {
    let shape = |c: char| match c {
        c if c.is_lowercase() => 'a',
        c if c.is_alphabetic() => 'A',
        c if c.is_numeric() => '9',
        c => c,
    };
    let short: String = text.chars().take(24).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    let harmless = |c: char| c.is_ascii_digit() || "-/.: #".contains(c);
    if short.chars().all(harmless) && more.is_empty() && !identity::is_identity_number(&short) {
        return format!("`{short}`");
    }
    format!("something like `{}{more}`", visible(&short.chars().map(shape).collect::<String>()))
}

/// Normalises a text to NFC with single blanks.
fn normalize(text: &str) -> Cow<'_, str> {
    let text = if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { text.nfc().collect() };
    if has_redundant_blanks(&text) {
        Cow::Owned(text.split([' ', '\u{a0}']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    } else {
        text
    }
}

/// Two blanks in a row, or a non-breaking one.
fn has_redundant_blanks(text: &str) -> bool {
    let mut before = ' ';
    text.chars().any(|c| {
        let odd = c == '\u{a0}' || (c == ' ' && before == ' ');
        before = c;
        odd
    })
}

fn short_enough(text: &str, longest: usize) -> Result<(), ValueError> {
    let long = text.len() > longest && text.chars().count() > longest;
    if long {
        return Err(ValueError::new(
            "too-long",
            format!("has {} characters; at most {longest} are allowed", text.chars().count()),
        ));
    }
    Ok(())
}

/// Rejects the first character that is not allowed, and names it.
fn only(
    code: &'static str,
    text: &str,
    allowed: impl Fn(char) -> bool,
    rule: &str,
) -> Result<(), ValueError> {
    match text.chars().find(|&c| is_invisible(c) || !allowed(c)) {
        None => Ok(()),
        Some(c) if is_invisible(c) => {
            Err(ValueError::new(code, format!("has the invisible character U+{:04X}", u32::from(c)))
                .hint(rule))
        }
        Some('`') => Err(ValueError::new(code, "has a back-tick").hint(rule)),
        Some(c) => Err(ValueError::new(code, format!("has the character `{c}`")).hint(rule)),
    }
}

/// Invisible characters and those that change the direction of text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
