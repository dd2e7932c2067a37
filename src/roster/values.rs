//! Validates values column by column. Error messages never contain the value:
//! people files hold personal data, and messages end up in logs.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::domain::diagnostic::visible;
use crate::domain::model::address;
use crate::domain::model::ids::Language;

use super::encoding::is_double_encoded;
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

/// Maximum length of a first or last name, in characters.
const MAX_NAME_LENGTH: usize = 100;

/// Maximum length of a unit, department or additional value, in characters.
const MAX_TEXT_LENGTH: usize = 120;

/// Maximum length of an id, in characters.
const MAX_ID_LENGTH: usize = 64;

/// A first or last name: letters of any script, blanks, apostrophes, hyphens
/// and dots.
pub(super) fn name(text: &str) -> Result<Cow<'_, str>, ValueError> {
    if text.len() <= MAX_NAME_LENGTH && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(Cow::Borrowed(text));
    }
    let text = normalize(text, MAX_NAME_LENGTH)?;
    let allowed = |c: char| {
        c.is_alphabetic()
            || is_combining_mark(c)
            || matches!(c, ' ' | '-' | '.' | '\'' | '’' | 'ʼ' | '‐' | '‑')
    };
    only("name", &text, allowed, "a name has letters, blanks, apostrophes, hyphens and dots")?;
    no_formula("name", &text)?;
    if !text.chars().any(char::is_alphabetic) {
        return Err(ValueError::new("name", "has no letter"));
    }
    Ok(text)
}

/// The name of a unit or department: what a name may have, and the digits and
/// signs that organisations use.
pub(super) fn place_name(text: &str) -> Result<Cow<'_, str>, ValueError> {
    let text = normalize(text, MAX_TEXT_LENGTH)?;
    let allowed =
        |c: char| c.is_alphanumeric() || is_combining_mark(c) || " &/(),.-–—'’\"”:;+_#!?%°§".contains(c);
    only("unit", &text, allowed, "letters, digits, blanks and & / ( ) , . - + : are allowed")?;
    no_formula("unit", &text)?;
    if !text.chars().any(char::is_alphanumeric) {
        return Err(ValueError::new("unit", "has neither letter nor digit"));
    }
    if text.contains("//") {
        return Err(ValueError::new("unit", "has `//`, which mail programs take for a link"));
    }
    Ok(text)
}

/// The value of an additional column: anything that cannot be taken for a formula,
/// a tag or a template.
pub(super) fn extra(text: &str) -> Result<Cow<'_, str>, ValueError> {
    let text = normalize(text, MAX_TEXT_LENGTH)?;
    only("extra", &text, |c| !matches!(c, '<' | '>'), "everything but < and > may stand there")?;
    let number = |c: char| c.is_ascii_digit() || " .,-".contains(c);
    if !text.strip_prefix(['+', '-']).is_some_and(|rest| rest.chars().all(number)) {
        no_formula("extra", &text)?;
    }
    if text.contains("{{") || text.contains("}}") {
        return Err(ValueError::new("extra", "has `{{` or `}}`, which templates are written with"));
    }
    Ok(text)
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
    let text = normalize(text, MAX_ID_LENGTH)?;
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
            .hint("write true, ja, 1 or x, or false, nej, 0 or nothing")),
    }
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

/// Normalises a text to NFC with single blanks. Rejects it if it is longer than
/// `longest` or was damaged by a wrong encoding.
fn normalize(text: &str, longest: usize) -> Result<Cow<'_, str>, ValueError> {
    let text = if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { text.nfc().collect() };
    let text = if has_redundant_blanks(&text) {
        Cow::Owned(text.split([' ', '\u{a0}']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    } else {
        text
    };
    short_enough(&text, longest)?;
    if text.contains('\u{fffd}') {
        return Err(ValueError::new(
            "encoding",
            "has a character that was lost on its way here (`\u{fffd}`)",
        )
        .hint("export again as UTF-8"));
    }
    if is_double_encoded(&text) {
        return Err(ValueError::new(
            "encoding",
            "was saved as UTF-8 and read as Windows-1252 on its way here",
        )
        .hint("export again as UTF-8, and open the file as UTF-8 where it is edited"));
    }
    Ok(text)
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
            format!("has {} characters; {longest} are allowed", text.chars().count()),
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

/// Rejects text that a spreadsheet would evaluate as a formula.
fn no_formula(code: &'static str, text: &str) -> Result<(), ValueError> {
    match text.chars().next() {
        Some(c @ ('=' | '+' | '@' | '-')) => {
            Err(ValueError::new(code, format!("begins with `{c}`, which a spreadsheet takes for a formula")))
        }
        _ => Ok(()),
    }
}
