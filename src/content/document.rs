//! One TOML text parsed as far as it is TOML, each slip a fault with its line
//! and column. What its keys should hold is said by those who read its
//! [`Table`]s.
//!
//! By hand and not by serde, because serde stops at the first fault.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::DeTable;

use super::Faults;
use super::table::Table;
use crate::content::text_file::Source;
use crate::domain::diagnostic::{Diagnostic, Place};

/// A value and where it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) offset: usize,
}

impl<T> At<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), offset: self.offset }
    }
}

/// So many garbled lines are told.
const MOST_GARBLED: usize = 20;
/// More dots in one line make tables nested deeper than a stack is high.
const MOST_DOTS: usize = 100;

/// One TOML text.
pub(super) struct Document<'a> {
    root: DeTable<'a>,
    context: Context<'a>,
}

/// What all tables of a document share.
pub(super) struct Context<'a> {
    source: &'a Source,
    /// Where the TOML begins in the file.
    pub(super) base: usize,
    faults: &'a Faults,
    /// The keys that stand above the first table.
    pub(super) top_keys: &'static [&'static str],
    /// Lines that are no TOML: what else seems wrong there is a consequence.
    garbled: BTreeSet<u32>,
}

impl<'a> Document<'a> {
    /// Parses a part of a file; what is no TOML is told and left out.
    pub(super) fn parse(
        source: &'a Source,
        range: Range<usize>,
        top_keys: &'static [&'static str],
        faults: &'a Faults,
    ) -> Document<'a> {
        let base = range.start;
        let mut context = Context { source, base, faults, top_keys, garbled: BTreeSet::new() };
        let text = &source.text[range];
        if let Some(offset) = nested_beyond_reason(text) {
            context.syntax(
                offset,
                format!("more than {MOST_DOTS} dots in one line"),
                "a key has at most a few parts",
            );
            return Document { root: DeTable::new(), context };
        }
        let (root, wrong) = DeTable::parse_recoverable(text);
        for fault in wrong {
            context.toml_fault(text, &fault);
        }
        Document { root: root.into_inner(), context }
    }

    /// Is it TOML throughout? If not, what is missing may only be garbled.
    pub(super) fn is_whole(&self) -> bool {
        self.context.is_whole()
    }

    /// The keys above the first table.
    pub(super) fn root(&self) -> Table<'_> {
        Table::new(&self.context, &self.root, self.context.base, String::new())
    }
}

/// The first line with so many dots that no author wrote it.
fn nested_beyond_reason(text: &str) -> Option<usize> {
    let mut start = 0;
    text.split_inclusive('\n').find_map(|line| {
        let offset = start;
        start += line.len();
        (line.bytes().filter(|byte| *byte == b'.').count() > MOST_DOTS).then_some(offset)
    })
}

impl Context<'_> {
    pub(super) fn is_whole(&self) -> bool {
        self.garbled.is_empty()
    }

    /// Tells a fault, unless it only follows from a garbled line.
    pub(super) fn add(&self, offset: usize, fault: impl FnOnce(Place) -> Diagnostic) {
        if !self.garbled.contains(&self.source.line(offset)) {
            self.faults.tell(self.source, offset, fault);
        }
    }

    /// The first thing wrong on a line is told, the rest follows from it.
    fn syntax(&mut self, offset: usize, message: String, hint: &str) {
        let offset = self.base + offset;
        if self.garbled.insert(self.source.line(offset)) && self.garbled.len() <= MOST_GARBLED {
            self.faults
                .tell(self.source, offset, |place| Diagnostic::error("toml", place, message).hint(hint));
        }
    }

    fn toml_fault(&mut self, text: &str, fault: &toml::de::Error) {
        let span = fault.span().unwrap_or_default();
        if fault.message() == "duplicate key" {
            let key = text.get(span.clone()).unwrap_or_default();
            let offset = self.base + span.start;
            self.add(offset, |place| {
                Diagnostic::error("duplicate-key", place, format!("`{key}` stands here a second time"))
                    .hint("keep one of the two")
            });
            return;
        }
        let message = format!("cannot be read as TOML: {}", fault.message());
        self.syntax(span.start, message, "text stands in quotes, one key to a line: `title = \"Grunden\"`");
    }
}
