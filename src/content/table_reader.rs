//! Reads one TOML table of an author with messages: each key is requested once with
//! its expected type; keys never requested are reported as unknown, required ones that
//! are absent as missing. It knows the types of TOML and those of the program
//! (durations, slugs), but not what a key means.

use std::cell::Cell;
use std::ops::Range;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use unicode_normalization::UnicodeNormalization;

use super::document::{Context, Document};
use super::hints::{did_you_mean, quoted, slug_hint};
use crate::domain::diagnostic::{Diagnostic, closest_match};
use crate::domain::model::ids::Slug;
use crate::domain::time::duration::Duration;
use crate::text::toml_reader::{Date, Located, TomlTable, TomlValue};

/// Maximum number of errors of one kind reported for one table or list.
const MAX_PER_KIND: usize = 20;
/// Maximum number of tables and of values in one list.
const MAX_TABLES: usize = 500;
const MAX_VALUES: usize = 10_000;

/// One table; each key is requested at most once.
pub(super) struct TableReader<'a> {
    context: &'a Context<'a>,
    toml: TomlTable<'a>,
    /// Where the table starts; missing keys are reported here.
    pub(super) offset: usize,
    /// The header as in the file, `[calendar]`; empty for the root table.
    name: String,
    /// Keys that belong elsewhere and were already reported.
    refused: Vec<&'static str>,
    /// The required keys, each with an example value.
    required: Vec<(&'static str, &'static str)>,
    /// False once an error was reported for this table.
    sound: Cell<bool>,
}

/// The expected type of a value.
#[derive(Clone, Copy)]
enum ExpectedType {
    Text,
    Integer,
    Boolean,
    Date,
    Moment,
    List,
    Table,
    Tables,
}

impl ExpectedType {
    fn description(self) -> &'static str {
        match self {
            ExpectedType::Text => "text in quotes",
            ExpectedType::Integer => "a whole number",
            ExpectedType::Boolean => "true or false",
            ExpectedType::Date => "a date",
            ExpectedType::Moment => "a date with a time of day",
            ExpectedType::List => "a list of texts",
            ExpectedType::Table => "a table",
            ExpectedType::Tables => "a list of tables",
        }
    }

    /// A hint that shows the correct syntax.
    fn example(self, key: &str) -> String {
        match self {
            ExpectedType::Text => format!("write `{key} = \"…\"`"),
            ExpectedType::Integer => format!("write `{key} = 5`, without quotes"),
            ExpectedType::Boolean => format!("write `{key} = true`, without quotes"),
            ExpectedType::Date => format!("write `{key} = 2026-10-14`, without quotes"),
            ExpectedType::Moment => format!("write `{key} = 2026-10-14T13:00:00`, without quotes"),
            ExpectedType::List => format!("write `{key} = [\"…\", \"…\"]`"),
            ExpectedType::Table => format!("write `[{key}]` on a line of its own and its keys below"),
            ExpectedType::Tables => format!("write `[[{key}]]`, with two brackets, above each"),
        }
    }
}

impl<'a> TableReader<'a> {
    /// The table of the keys above the first header.
    pub(super) fn root(document: &'a Document<'a>) -> TableReader<'a> {
        let context = &document.context;
        TableReader::new(context, document.toml.root(), context.start, String::new())
    }

    fn new(context: &'a Context<'a>, toml: TomlTable<'a>, offset: usize, name: String) -> TableReader<'a> {
        let (refused, required) = (Vec::new(), Vec::new());
        TableReader { context, toml, offset, name, refused, required, sound: Cell::new(true) }
    }

    /// Reports an error at an offset, unless its line has a syntax error.
    pub(super) fn error(
        &self,
        code: &'static str,
        offset: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.sound.set(false);
        self.context.add(offset, |place| Diagnostic::error(code, place, message).hint(hint));
    }

    /// The key as it is named in messages.
    fn named(&self, key: &str) -> String {
        match self.name.as_str() {
            "" => format!("`{key}`"),
            name => format!("`{key}` in `{name}`"),
        }
    }

    /// Returns false after a TOML syntax error: an absent key may then only be
    /// unreadable.
    pub(super) fn is_whole(&self) -> bool {
        self.context.is_whole()
    }

    /// Declares required keys, each with an example value; [`TableReader::finish`]
    /// reports the missing ones.
    pub(super) fn require(&mut self, keys: &[(&'static str, &'static str)]) {
        self.required.extend(keys);
    }

    /// Reports missing required keys, except those that are probably misspelt.
    /// Reports nothing if the text has a syntax error.
    fn report_missing(&self, misspelt: &[&str]) {
        let whole = self.is_whole();
        for (key, example) in self.required.iter().filter(|(key, _)| whole && !self.has(key)) {
            if !misspelt.contains(key) {
                let message = format!("{} is missing", self.named(key));
                self.error("missing-key", self.offset, message, format!("add `{key} = {example}`"));
            }
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.toml.contains(key)
    }

    /// The offset of the key.
    pub(super) fn offset_of(&self, key: &str) -> usize {
        self.toml.key_offset(key).unwrap_or(self.offset)
    }

    /// Reports keys that do not belong here, with the reason and a hint.
    pub(super) fn refuse(&mut self, keys: &[&'static str], code: &'static str, why: &str, hint: &str) {
        self.refused.extend(keys);
        for key in keys.iter().filter(|key| self.has(key)) {
            self.error(code, self.offset_of(key), format!("`{key}` {why}"), hint);
        }
    }

    /// Declares keys that are allowed but not read.
    pub(super) fn expect(&mut self, keys: &[&'static str]) {
        self.toml.allow(keys);
    }

    /// A single-line text: trimmed, NFC-normalised and not empty.
    pub(super) fn line(&mut self, key: &'static str) -> Option<Located<String>> {
        let found = self.toml.ask(key)?;
        self.clean(key, found, char::is_control)
    }

    /// A text that may have several lines.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Located<String>> {
        let found = self.toml.ask(key)?;
        self.clean(key, found, |c| c.is_control() && !matches!(c, '\n' | '\t'))
    }

    fn clean(&self, key: &str, found: TomlValue<'_>, refused: fn(char) -> bool) -> Option<Located<String>> {
        let text: String =
            self.typed(key, found, ExpectedType::Text, TomlValue::as_text)?.trim().nfc().collect();
        let offset = found.offset;
        if text.is_empty() {
            let message = format!("{} is empty", self.named(key));
            self.error("empty-value", offset, message, "write something, or leave the key out if it may be");
            return None;
        }
        if let Some(c) = text.chars().find(|c| refused(*c)) {
            let message =
                format!("{} has the control character {} in it", self.named(key), c.escape_unicode());
            self.error(
                "control-character",
                offset,
                message,
                "write it on one line, without control characters",
            );
            return None;
        }
        Some(Located { value: text, offset })
    }

    /// An integer within a range.
    pub(super) fn integer(&mut self, key: &'static str, allowed: Range<i64>) -> Option<Located<i64>> {
        let found = self.toml.ask(key)?;
        let number = self.typed(key, found, ExpectedType::Integer, TomlValue::as_integer)?;
        let offset = found.offset;
        match number.parse(i64::from_str_radix) {
            Some(value) if allowed.contains(&value) => Some(Located { value, offset }),
            _ => {
                let (least, most) = (allowed.start, allowed.end - 1);
                let message = format!("{} is {number}; {least} to {most} is allowed", self.named(key));
                self.error("out-of-range", offset, message, format!("write a number from {least} to {most}"));
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let found = self.toml.ask(key)?;
        self.typed(key, found, ExpectedType::Boolean, TomlValue::as_boolean)
    }

    /// A date from 2000 to 2100.
    pub(super) fn date(&mut self, key: &'static str) -> Option<Located<NaiveDate>> {
        let found = self.toml.ask(key)?;
        let date = self.typed(key, found, ExpectedType::Date, TomlValue::as_date)?;
        Some(Located { value: self.check_year(key, found, date)?, offset: found.offset })
    }

    /// A local date and time.
    pub(super) fn moment(&mut self, key: &'static str) -> Option<Located<NaiveDateTime>> {
        let found = self.toml.ask(key)?;
        let (date, time, zone) = self.typed(key, found, ExpectedType::Moment, TomlValue::as_moment)?;
        let offset = found.offset;
        if let Some(zone) = zone {
            let message =
                format!("{} has the offset `{zone}`; a moment is civil time in `time_zone`", self.named(key));
            self.error("moment-with-offset", offset, message, "leave the offset out: `2026-10-14T13:00:00`");
            return None;
        }
        let date = self.check_year(key, found, date)?;
        let (hour, minute) = (u32::from(time.hour), u32::from(time.minute));
        // A leap second is mapped to second 59.
        let time = NaiveTime::from_hms_opt(hour, minute, u32::from(time.second.unwrap_or(0)).min(59))?;
        Some(Located { value: date.and_time(time), offset })
    }

    fn check_year(&self, key: &str, found: TomlValue<'_>, date: Date) -> Option<NaiveDate> {
        let day = NaiveDate::from_ymd_opt(i32::from(date.year), date.month.into(), date.day.into());
        let checked = day.filter(|_| (2000..=2100).contains(&date.year));
        if checked.is_none() {
            let offset = found.offset;
            let message = format!("{} is {date}; years 2000 to 2100 are allowed", self.named(key));
            self.error("out-of-range", offset, message, "check the year");
        }
        checked
    }

    /// A duration such as `5 workdays`.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Located<Duration>> {
        let text = self.line(key)?;
        self.as_duration(&text)
    }

    /// A list of durations.
    pub(super) fn durations(&mut self, key: &'static str) -> Vec<Located<Duration>> {
        self.lines(key).into_iter().filter_map(|text| self.as_duration(&text)).collect()
    }

    /// Parses a text as a duration.
    pub(super) fn as_duration(&self, text: &Located<String>) -> Option<Located<Duration>> {
        match Duration::parse(&text.value) {
            Ok(value) => Some(Located { value, offset: text.offset }),
            Err(message) => {
                self.error("bad-duration", text.offset, message, "for example `1 week` or `5 workdays`");
                None
            }
        }
    }

    /// A slug.
    pub(super) fn slug(&mut self, key: &'static str) -> Option<Located<Slug>> {
        let text = self.line(key)?;
        self.as_slug(&text)
    }

    /// A list of slugs.
    pub(super) fn slugs(&mut self, key: &'static str) -> Vec<Located<Slug>> {
        self.lines(key).into_iter().filter_map(|text| self.as_slug(&text)).collect()
    }

    /// Parses a text as a slug.
    pub(super) fn as_slug(&self, text: &Located<String>) -> Option<Located<Slug>> {
        let slug = Slug::parse(&text.value);
        if slug.is_none() {
            let message = format!(
                "`{}` cannot be an id; lower-case letters a-z, digits and `-` are allowed",
                text.value
            );
            self.error("bad-slug", text.offset, message, slug_hint(&text.value));
        }
        slug.map(|value| Located { value, offset: text.offset })
    }

    /// One of a fixed set of values.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<Located<T>> {
        let found = self.line(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == found.value) {
            return Some(Located { value: *value, offset: found.offset });
        }
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("{} is `{}`; allowed are {}", self.named(key), found.value, quoted(&allowed));
        let hint = did_you_mean(&found.value, &allowed).unwrap_or_else(|| "write one of them".to_owned());
        self.error("unknown-word", found.offset, message, hint);
        None
    }

    /// A list of single-line texts; an empty list is an error.
    pub(super) fn lines(&mut self, key: &'static str) -> Vec<Located<String>> {
        self.list(key).map(|list| list.value).unwrap_or_default()
    }

    /// The same, with the offset of the list.
    pub(super) fn values(&mut self, key: &'static str) -> Option<Located<Vec<String>>> {
        let list = self.list(key)?;
        Some(list.map(|lines| lines.into_iter().map(|line| line.value).collect()))
    }

    fn list(&mut self, key: &'static str) -> Option<Located<Vec<Located<String>>>> {
        let found = self.toml.ask(key)?;
        let list = self.typed(key, found, ExpectedType::List, TomlValue::as_list)?;
        let offset = found.offset;
        if list.is_empty() {
            let message = format!("{} is an empty list", self.named(key));
            self.error("empty-value", offset, message, "leave the key out, or name at least one");
        }
        if list.len() > MAX_VALUES {
            let message =
                format!("{} has {} values; at most {MAX_VALUES} are read", self.named(key), list.len());
            self.error("too-many", offset, message, "shorten the list");
            return None;
        }
        let mut refused = 0;
        let one = |value: TomlValue<'_>| {
            // Stop after the maximum number of errors of one kind.
            if refused >= MAX_PER_KIND {
                return None;
            }
            let line = self.element(key, value);
            refused += usize::from(line.is_none());
            line
        };
        Some(Located { value: list.into_iter().filter_map(one).collect(), offset })
    }

    fn element(&self, key: &str, found: TomlValue<'_>) -> Option<Located<String>> {
        if found.as_text().is_some() {
            return self.clean(key, found, char::is_control);
        }
        let message =
            format!("{} has {} in it; texts in quotes are needed", self.named(key), found.description());
        self.error("wrong-type", found.offset, message, ExpectedType::List.example(key));
        None
    }

    /// A subtable.
    pub(super) fn table(&mut self, key: &'static str) -> Option<TableReader<'a>> {
        let found = self.toml.ask(key)?;
        let table = self.typed(key, found, ExpectedType::Table, TomlValue::as_table)?;
        // A table that a dotted key implies has no header or brace.
        let offset = if found.is_implied() { self.offset_of(key) } else { found.offset };
        Some(TableReader::new(self.context, table, offset, format!("[{}]", self.path(key))))
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<TableReader<'a>> {
        let Some(found) = self.toml.ask(key) else { return Vec::new() };
        let Some(list) = self.typed(key, found, ExpectedType::Tables, TomlValue::as_list) else {
            return Vec::new();
        };
        let name = format!("[[{}]]", self.path(key));
        if list.len() > MAX_TABLES {
            let message = format!("{} times `{name}`; at most {MAX_TABLES} are read", list.len());
            self.error("too-many", self.offset_of(key), message, "split it into several journeys");
            return Vec::new();
        }
        let one = |value: TomlValue<'a>| {
            let table = self.typed(key, value, ExpectedType::Tables, TomlValue::as_table)?;
            Some(TableReader::new(self.context, table, value.offset, name.clone()))
        };
        list.into_iter().filter_map(one).collect()
    }

    /// Subtables whose names the author chose, as in `[translation.en]`.
    pub(super) fn named_tables(&self) -> Vec<(Located<String>, TableReader<'a>)> {
        let one = |(key, value): (Located<&str>, TomlValue<'a>)| {
            let table = self.typed(key.value, value, ExpectedType::Table, TomlValue::as_table)?;
            let name = format!("[{}]", self.path(key.value));
            let table = TableReader::new(self.context, table, key.offset, name);
            Some((key.map(str::to_owned), table))
        };
        self.toml.entries().take(MAX_TABLES).filter_map(one).collect()
    }

    /// Key and text pairs whose keys the author chose.
    pub(super) fn named_lines(&self) -> Vec<(Located<String>, String)> {
        let one = |(key, value): (Located<&str>, TomlValue<'_>)| {
            let line = self.clean(key.value, value, char::is_control)?;
            Some((key.map(str::to_owned), line.value))
        };
        self.toml.entries().take(MAX_TABLES).filter_map(one).collect()
    }

    /// Reports unknown and missing keys. Returns true if the table has no error.
    pub(super) fn finish(self) -> bool {
        let unknown = self.toml.unknown().filter(|key| !self.refused.contains(&key.value));
        let mut misspelt = Vec::new();
        for key in unknown.take(MAX_PER_KIND) {
            let meant = closest_match(key.value, self.toml.allowed().iter().copied());
            misspelt.extend(meant);
            self.report_unknown(&key, meant);
        }
        self.report_missing(&misspelt);
        self.sound.get()
    }

    fn report_unknown(&self, key: &Located<&str>, meant: Option<&str>) {
        let name = key.value;
        let allowed = quoted(self.toml.allowed());
        let message = match self.name.as_str() {
            "" => format!("unknown key `{name}`; allowed are {allowed}"),
            table => format!("unknown key `{name}` in `{table}`; allowed are {allowed}"),
        };
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if !self.name.is_empty() && self.context.top_keys.contains(&name) => {
                format!("`{name}` must be above the first line with `[…]`; move it there")
            }
            None => "delete it".to_owned(),
        };
        self.error("unknown-key", key.offset, message, hint);
    }

    fn typed<'v, T>(
        &self,
        key: &str,
        found: TomlValue<'v>,
        wanted: ExpectedType,
        as_wanted: impl FnOnce(TomlValue<'v>) -> Option<T>,
    ) -> Option<T> {
        let value = as_wanted(found);
        if value.is_none() {
            let message =
                format!("{} is {}; {} is needed", self.named(key), found.description(), wanted.description());
            self.error("wrong-type", found.offset, message, wanted.example(key));
        }
        value
    }

    /// The dotted path of a subtable, without brackets.
    fn path(&self, key: &str) -> String {
        match self.name.trim_matches(['[', ']']) {
            "" => key.to_owned(),
            above => format!("{above}.{key}"),
        }
    }
}
