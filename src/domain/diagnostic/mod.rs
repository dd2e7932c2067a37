//! An error or warning about a file: location, what was found, what is allowed, what to do.
//! Diagnostics are collected, so one run reports all of them.

use std::fmt;

mod collector;
mod suggestion;

pub(crate) use collector::DiagnosticCollector;
pub(crate) use suggestion::closest_match;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Severity {
    /// Nothing is sent until it is fixed.
    Error,
    /// It works, but should be looked at.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// A location in a file. Lines and columns count from 1, columns in characters; line 0 means
/// the whole file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Location {
    /// The file as the user would type it.
    pub(crate) file: String,
    /// Line, from 1; 0 for the whole file.
    pub(crate) line: u32,
    /// Column in characters, from 1; 0 for the whole file.
    pub(crate) column: u32,
}

impl Location {
    /// The whole file.
    pub(crate) fn file(file: impl fmt::Display) -> Location {
        Location { file: file.to_string(), line: 0, column: 0 }
    }

    /// A line and column, both from 1.
    pub(crate) fn at(file: impl fmt::Display, line: u32, column: u32) -> Location {
        Location { file: file.to_string(), line, column }
    }

    /// The location of a byte offset in a text that starts at `first_line` of a file: Markdown
    /// starts after the front matter.
    pub(crate) fn of_offset(file: impl fmt::Display, text: &str, offset: usize, first_line: u32) -> Location {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = first_line + before.bytes().filter(|&b| b == b'\n').count() as u32;
        let column = before[line_start..].chars().count() as u32 + 1;
        Location { file: file.to_string(), line, column }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file),
            line => write!(f, "{}:{}:{}", self.file, line, self.column),
        }
    }
}

/// Code for a file that this user may not read; decides the exit code.
pub(crate) const NO_PERMISSION: &str = "no-permission";

/// One diagnostic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub(crate) severity: Severity,
    /// A stable code for programs: `unknown-key`, `missing-step-file`.
    pub code: &'static str,
    pub(crate) place: Location,
    /// What was found and what is allowed; lower case, no full stop, names in backticks, no address
    /// or answer.
    pub message: String,
    /// What to do now.
    pub(crate) hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub(crate) fn error(code: &'static str, place: Location, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, code, place, message: sanitize(&message.into()), hint: None }
    }

    /// A warning.
    pub(crate) fn warning(code: &'static str, place: Location, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, place, message) }
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(sanitize(&hint.into()));
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.severity, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", hint.replace('\n', "\n        ")),
            None => Ok(()),
        }
    }
}

/// Text that is safe to print: control and direction characters are escaped, and the length is
/// limited.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let steers = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A value as one word of a shell command, for commands in messages.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else if !text.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A message of at most 1,000 characters without terminal control sequences.
fn sanitize(text: &str) -> String {
    let shown = text.split('\n').map(visible).collect::<Vec<_>>().join("\n");
    match shown.char_indices().nth(999) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_counts_characters_not_bytes() {
        let text = "första\nåäö x";
        let offset = text.find('x').expect("there is an x");
        assert_eq!(Location::of_offset("f.md", text, offset, 1), Location::at("f.md", 2, 5));
    }

    #[test]
    fn messages_contain_no_terminal_control_sequences() {
        let fault = Diagnostic::error("x", Location::file("f"), "found \u{1b}[31m and \u{202e}");
        assert_eq!(fault.message, "found \\u{1b}[31m and \\u{202e}");
    }
}
