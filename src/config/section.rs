//! Reads one section of the configuration key by key, each from the environment
//! or else the file. Keys and variables that were never requested are reported as
//! unknown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::diagnostic::{Diagnostic, DiagnosticCollector, Location, closest_match};

use super::values::filled;
use crate::text::text_file::TextFile;
use crate::text::toml_reader::{TomlTable, TomlValue};

/// The diagnostics so far and all names that were requested.
pub(super) struct ConfigReader<'t> {
    source: &'t TextFile,
    environment: &'t BTreeMap<String, String>,
    faults: DiagnosticCollector,
    /// The names of valid variables.
    variables: Vec<String>,
}

impl<'t> ConfigReader<'t> {
    pub(super) fn new(source: &'t TextFile, environment: &'t BTreeMap<String, String>) -> ConfigReader<'t> {
        ConfigReader { source, environment, faults: DiagnosticCollector::default(), variables: Vec::new() }
    }

    /// The names of valid variables.
    #[cfg(test)]
    pub(super) fn variables(&self) -> &[String] {
        &self.variables
    }

    /// All diagnostics, sorted by location.
    pub(super) fn into_faults(self) -> Vec<Diagnostic> {
        self.faults.into_sorted()
    }

    /// Reports variables with our prefix that do not exist, except `others`.
    pub(super) fn report_unknown_variables(&mut self, others: &[&str]) {
        for name in self.environment.keys().filter(|name| !others.contains(&name.as_str())) {
            if self.variables.contains(name) {
                continue;
            }
            let fault = Diagnostic::error("unknown-variable", Location::file(name), "no such setting");
            let near = closest_match(name, self.variables.iter().map(String::as_str));
            self.faults.add(match near {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint("settings are named like `JOURNEY_MAIL__SMTP__HOST`; unset this one"),
            });
        }
    }
}

/// One section of the file and the variables that override it.
pub(super) struct Section<'r, 't> {
    report: &'r mut ConfigReader<'t>,
    /// `mail.smtp`; empty for the root.
    path: Cow<'static, str>,
    /// The section has a name chosen by the user, so no variable corresponds to its keys.
    is_named: bool,
    /// `None` if the file does not have it.
    table: Option<TomlTable<'r>>,
}

/// A value before it is parsed.
#[derive(Clone, Copy)]
enum RawValue<'r> {
    Variable(&'r str),
    Value(TomlValue<'r>),
}

impl<'r, 't> Section<'r, 't> {
    pub(super) fn root(report: &'r mut ConfigReader<'t>, table: TomlTable<'r>) -> Section<'r, 't> {
        Section { report, path: Cow::Borrowed(""), is_named: false, table: Some(table) }
    }

    /// Runs `read`, then reports unknown keys.
    pub(super) fn read<T>(mut self, read: impl FnOnce(&mut Section<'r, 't>) -> T) -> T {
        let value = read(&mut self);
        self.report_unknown_keys();
        value
    }

    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        path: &'static str,
        read: impl FnOnce(&mut Section<'_, 't>) -> T,
    ) -> T {
        let found = self.ask(key);
        let table = found.and_then(TomlValue::as_table);
        if let (Some(found), None) = (found, &table) {
            let message = format!("`{path}` must be a section: write `[{path}]` and its keys below it");
            self.report.faults.add(Diagnostic::error("wrong-type", self.place(found.offset), message));
        }
        let (path, is_named) = (Cow::Borrowed(path), self.is_named);
        Section { report: &mut *self.report, path, is_named, table }.read(read)
    }

    /// Sections with names chosen by the user, like
    /// `[mail.smtp.domains."example.org"]`; `example` is shown in the hint.
    pub(super) fn named_sections<N: PartialEq + Clone, T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl Fn(&str) -> Result<N, String>,
        mut read: impl FnMut(&mut Section<'_, 't>, N) -> T,
    ) -> Vec<T> {
        let full = self.full(key);
        let hint = format!("write `[{full}.\"{example}\"]`, with your own, and its keys below it");
        let Some(found) = self.ask(key) else { return Vec::new() };
        let Some(table) = found.as_table() else {
            let message = format!("`{full}` must be a section for each name");
            let place = self.place(found.offset);
            self.report.faults.add(Diagnostic::error("wrong-type", place, message).hint(hint));
            return Vec::new();
        };
        let (mut all, mut names) = (Vec::new(), Vec::new());
        let mut entries: Vec<_> = table.entries().collect();
        entries.sort_by_key(|(name, _)| name.offset);
        for (name, value) in entries {
            let path = format!("{full}.\"{}\"", name.value);
            let place = self.place(name.offset);
            let fault = match (parse(name.value), value.as_table()) {
                (Ok(name), _) if names.contains(&name) => {
                    let message = format!("`{path}` is written twice, perhaps in different ways");
                    self.report
                        .faults
                        .add(Diagnostic::error("duplicate", place, message).hint("write it once"));
                    continue;
                }
                (Ok(name), table @ Some(_)) => {
                    names.push(name.clone());
                    let report = &mut *self.report;
                    let section = Section { report, path: path.into(), is_named: true, table };
                    all.push(section.read(|section| read(section, name)));
                    continue;
                }
                (Ok(_), None) => {
                    Diagnostic::error("wrong-type", place, format!("`{path}` must be a section"))
                }
                (Err(why), _) => Diagnostic::error("bad-value", place, format!("`{path}` {why}")),
            };
            self.report.faults.add(fault.hint(hint.clone()));
        }
        all
    }

    /// The value of an allowed key in the file.
    fn ask(&mut self, key: &'static str) -> Option<TomlValue<'r>> {
        self.table.as_mut()?.ask(key)
    }

    fn place(&self, offset: usize) -> Location {
        self.report.source.place(offset)
    }

    /// `JOURNEY_MAIL__SMTP__HOST`
    fn variable_name(&self, key: &str) -> String {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        format!("JOURNEY_{}", path.to_uppercase().replace('.', "__"))
    }

    /// The text of a variable, if it is set.
    pub(super) fn variable(&mut self, key: &str) -> Option<&'t str> {
        let name = self.variable_name(key);
        let text = self.report.environment.get(&name).map(String::as_str);
        self.report.variables.push(name);
        text
    }

    /// The value of a key: from the variable, else from the file.
    fn find(&mut self, key: &'static str) -> Option<(Location, RawValue<'r>)>
    where
        't: 'r,
    {
        let found = self.ask(key);
        let variable = if self.is_named { None } else { self.variable(key) };
        match variable {
            Some(text) => Some((Location::file(self.variable_name(key)), RawValue::Variable(text))),
            None => found.map(|value| (self.place(value.offset), RawValue::Value(value))),
        }
    }

    /// Returns true if neither the file nor a variable sets any of the keys.
    pub(super) fn is_absent(&mut self, keys: &[&'static str]) -> bool {
        if let Some(table) = &mut self.table {
            table.allow(keys);
        }
        let variables = keys.iter().filter(|key| self.variable(key).is_some()).count();
        self.table.is_none() && variables == 0
    }

    /// A value written as a string.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parsed(key, "text in quotes", |_| None, parse)
    }

    /// A value written as an integer or a string; both are parsed as text.
    pub(super) fn number_or_text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let digits = |value: TomlValue<'_>| {
            let number = value.as_integer()?;
            let decimal = number.parse(u64::from_str_radix);
            Some(decimal.map_or_else(|| number.digits().to_owned(), |number| number.to_string()))
        };
        self.parsed(key, "a whole number, or text in quotes", digits, parse)
    }

    /// A value written as a string, or as another type that `also` converts to text;
    /// `allowed` names the allowed types in messages.
    fn parsed<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        also: impl FnOnce(TomlValue<'_>) -> Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (place, found) = self.find(key)?;
        let read = match found {
            RawValue::Variable(text) => parse(text),
            RawValue::Value(value) => {
                match value.as_text().map(Cow::Borrowed).or_else(|| also(value).map(Cow::Owned)) {
                    Some(text) => parse(&text),
                    None => {
                        let message = format!("must be {allowed}; found: {}", value.type_name());
                        self.refuse(key, place, "wrong-type", &message);
                        return None;
                    }
                }
            }
        };
        read.map_err(|message| self.refuse(key, place, "bad-value", &message)).ok()
    }

    /// A value without a default.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
        example: &str,
    ) -> Option<T> {
        let before = self.report.faults.len();
        let value = self.value(key, parse);
        if value.is_none() && self.report.faults.len() == before {
            let hint = format!("add to [{}]: {key} = \"{example}\", with your own", self.path);
            self.fault(key, "missing-key", "is missing; it has no default", &hint);
        }
        value
    }

    /// One of a fixed set of values.
    pub(super) fn one_of<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let allowed = || words.iter().map(|&(word, _)| word);
        self.value(key, |text| {
            let found = words.iter().find(|&&(word, _)| word == text);
            found.map(|&(_, value)| value).ok_or_else(|| {
                let list = allowed().collect::<Vec<_>>().join("`, `");
                let near = closest_match(text, allowed())
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                format!("has `{text}`; allowed are `{list}`{near}")
            })
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let (place, found) = self.find(key)?;
        let answer = match found {
            RawValue::Variable(text) => text.parse().ok(),
            RawValue::Value(value) => value.as_boolean(),
        };
        if answer.is_none() {
            self.refuse(key, place, "bad-value", "must be `true` or `false`, without quotes");
        }
        answer
    }

    /// An integer within bounds.
    pub(super) fn number(&mut self, key: &'static str, least: u16, most: u16) -> Option<u16> {
        let (place, found) = self.find(key)?;
        let number = match found {
            RawValue::Variable(text) => text.parse().ok(),
            RawValue::Value(value) => {
                let Some(number) = value.as_integer() else {
                    let message = format!("must be a whole number; found: {}", value.type_name());
                    self.refuse(key, place, "wrong-type", &message);
                    return None;
                };
                number.parse(u16::from_str_radix)
            }
        };
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(number),
            None => {
                let message = format!("must be a whole number from {least} to {most}");
                self.refuse(key, place, "bad-value", &message);
                None
            }
        }
    }

    /// A list of strings; in a variable separated by commas.
    pub(super) fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let texts: Vec<(Location, Option<&str>)> = match self.find(key) {
            None => return Vec::new(),
            Some((place, RawValue::Variable(text))) => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                words.map(|word| (place.clone(), Some(word))).collect()
            }
            Some((place, RawValue::Value(value))) => match value.as_list() {
                Some(items) => {
                    items.into_iter().map(|item| (self.place(item.offset), item.as_text())).collect()
                }
                None => vec![(place, None)],
            },
        };
        let mut list = Vec::with_capacity(texts.len());
        for (place, text) in texts {
            match text.map(&parse) {
                Some(Ok(value)) => list.push(value),
                Some(Err(message)) => self.refuse(key, place, "bad-value", &message),
                None => {
                    self.refuse(key, place, "wrong-type", "must be a list of texts, like [\"one\", \"two\"]");
                }
            }
        }
        list
    }

    /// A path, relative to the folder of the configuration.
    pub(super) fn path(&mut self, key: &'static str, base: &Path, default: &str) -> PathBuf {
        let path = self.value(key, |text| Ok(base.join(filled(text)?)));
        path.unwrap_or_else(|| base.join(default))
    }

    /// Reports an error for a key that was already read or is absent.
    pub(super) fn fault(&mut self, key: &'static str, code: &'static str, message: &str, hint: &str) {
        let variable = self.variable_name(key);
        let place = if self.report.environment.contains_key(&variable) {
            Location::file(variable)
        } else {
            let value = self.table.as_ref().and_then(|table| table.get(key));
            value.map_or_else(|| Location::file(&self.report.source.file), |value| self.place(value.offset))
        };
        let message = format!("`{}` {message}", self.full(key));
        self.report.faults.add(Diagnostic::error(code, place, message).hint(hint));
    }

    fn refuse(&mut self, key: &str, place: Location, code: &'static str, message: &str) {
        let message = format!("`{}` {message}", self.full(key));
        self.report.faults.add(Diagnostic::error(code, place, message));
    }

    /// `mail.smtp.host`
    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn report_unknown_keys(&mut self) {
        let Some(table) = &self.table else { return };
        for key in table.unknown() {
            let (place, name) = (self.place(key.offset), key.value);
            let fault = if is_secret(name) {
                let message = format!(
                    "`{}` must not be in this file; put secrets in a file or an environment variable",
                    self.full(name)
                );
                let hint = "write the secret to a file that only the program may read, and name it: \
                            password_file = \"…\"";
                Diagnostic::error("secret-in-file", place, message).hint(hint)
            } else {
                let fault =
                    Diagnostic::error("unknown-key", place, format!("no such key: `{}`", self.full(name)));
                match closest_match(name, table.allowed().iter().copied()) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint(format!("keys here are `{}`", table.allowed().join("`, `"))),
                }
            };
            self.report.faults.add(fault);
        }
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["password", "passwd", "secret", "token"].iter().any(|word| key.contains(word)) && !key.ends_with("_file")
}
