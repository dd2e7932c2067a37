//! Reads TOML with error recovery and with the byte offset of every key and value.
//! Keys are asked for one by one, so that the others can be reported as unknown.
//! Messages are the callers': they name sections and tables differently.
//!
//! serde is not used because it stops at the first error.

use std::borrow::Cow;
use std::fmt;
use std::num::ParseIntError;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};
use toml::value::{Datetime, Offset, Time};

pub(crate) use toml::value::Date;

/// A value and its byte offset in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) offset: usize,
}

impl<T> Located<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), offset: self.offset }
    }
}

/// One parsed text.
pub(crate) struct TomlDocument<'a> {
    root: DeTable<'a>,
    /// Byte offset in the file at which the text starts.
    base: usize,
}

/// What the parser refused; the rest of the text is read all the same.
pub(crate) struct TomlError {
    /// The bytes of the file that are wrong.
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
}

impl<'a> TomlDocument<'a> {
    /// Parses a text that starts at a byte offset of its file.
    pub(crate) fn parse(text: &'a str, base: usize) -> (TomlDocument<'a>, Vec<TomlError>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let error = |error: toml::de::Error| {
            let Range { start, end } = error.span().unwrap_or_default();
            TomlError { range: base + start..base + end, message: error.message().to_owned() }
        };
        (TomlDocument { root: root.into_inner(), base }, errors.into_iter().map(error).collect())
    }

    pub(crate) fn empty(base: usize) -> TomlDocument<'a> {
        TomlDocument { root: DeTable::new(), base }
    }

    /// The table of the keys above the first header.
    pub(crate) fn root(&'a self) -> TomlTable<'a> {
        TomlTable { keys: &self.root, base: self.base, asked: Vec::new() }
    }
}

/// One table and the keys that were asked for.
pub(crate) struct TomlTable<'a> {
    keys: &'a DeTable<'a>,
    base: usize,
    asked: Vec<&'static str>,
}

impl<'a> TomlTable<'a> {
    /// The value of a key that is allowed here.
    pub(crate) fn ask(&mut self, key: &'static str) -> Option<TomlValue<'a>> {
        self.asked.push(key);
        self.get(key)
    }

    /// Allows keys without reading them.
    pub(crate) fn allow(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// The keys that are allowed here, in the order in which they were asked for.
    pub(crate) fn allowed(&self) -> &[&'static str] {
        &self.asked
    }

    pub(crate) fn get(&self, key: &str) -> Option<TomlValue<'a>> {
        self.keys.get(key).map(|value| TomlValue::new(value, self.base))
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Where the key itself is written.
    pub(crate) fn key_offset(&self, key: &str) -> Option<usize> {
        self.keys.get_key_value(key).map(|(key, _)| self.base + key.span().start)
    }

    /// All keys, by name, with their values.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Located<&'a str>, TomlValue<'a>)> {
        let base = self.base;
        let one = move |(key, value): (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            let name: &'a str = key.get_ref();
            (Located { value: name, offset: base + key.span().start }, TomlValue::new(value, base))
        };
        self.keys.iter().map(one)
    }

    /// The keys that nothing asked for, by name.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = Located<&'a str>> {
        self.entries().map(|(key, _)| key).filter(|key| !self.asked.contains(&key.value))
    }
}

/// A value of any type.
#[derive(Clone, Copy)]
pub(crate) struct TomlValue<'a> {
    value: &'a Spanned<DeValue<'a>>,
    base: usize,
    pub(crate) offset: usize,
}

impl<'a> TomlValue<'a> {
    fn new(value: &'a Spanned<DeValue<'a>>, base: usize) -> TomlValue<'a> {
        TomlValue { value, base, offset: base + value.span().start }
    }

    pub(crate) fn as_text(self) -> Option<&'a str> {
        self.value.get_ref().as_str()
    }

    pub(crate) fn as_boolean(self) -> Option<bool> {
        self.value.get_ref().as_bool()
    }

    pub(crate) fn as_integer(self) -> Option<TomlInteger<'a>> {
        self.value.get_ref().as_integer().map(TomlInteger)
    }

    /// A date without a time of day.
    pub(crate) fn as_date(self) -> Option<Date> {
        self.value.get_ref().as_datetime().filter(|moment| moment.time.is_none())?.date
    }

    /// A date with a time of day and perhaps an offset.
    pub(crate) fn as_moment(self) -> Option<(Date, Time, Option<Offset>)> {
        let moment = self.value.get_ref().as_datetime()?;
        Some((moment.date?, moment.time?, moment.offset))
    }

    pub(crate) fn as_list(self) -> Option<Vec<TomlValue<'a>>> {
        let list = self.value.get_ref().as_array()?;
        Some(list.iter().map(|value| TomlValue::new(value, self.base)).collect())
    }

    pub(crate) fn as_table(self) -> Option<TomlTable<'a>> {
        let keys = self.value.get_ref().as_table()?;
        Some(TomlTable { keys, base: self.base, asked: Vec::new() })
    }

    /// The value has no text of its own: a table that only a dotted key implies.
    pub(crate) fn is_implied(self) -> bool {
        self.value.span().is_empty()
    }

    /// The name of its type in TOML.
    pub(crate) fn type_name(self) -> &'static str {
        self.value.get_ref().type_str()
    }

    /// Its type in plain language, for authors.
    pub(crate) fn description(self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with decimals",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(Datetime { date: Some(_), time: Some(_), .. }) => "a date with a time of day",
            DeValue::Datetime(Datetime { date: Some(_), .. }) => "a date",
            DeValue::Datetime(_) => "a time of day",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

/// An integer of any size and base, as it is written.
#[derive(Clone, Copy)]
pub(crate) struct TomlInteger<'a>(&'a DeInteger<'a>);

impl<'a> TomlInteger<'a> {
    /// The number, parsed with `from_str_radix` of its type.
    pub(crate) fn parse<T>(self, from_str_radix: fn(&str, u32) -> Result<T, ParseIntError>) -> Option<T> {
        from_str_radix(self.0.as_str(), self.0.radix()).ok()
    }

    /// The digits without the prefix of the base.
    pub(crate) fn digits(self) -> &'a str {
        self.0.as_str()
    }
}

impl fmt::Display for TomlInteger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
