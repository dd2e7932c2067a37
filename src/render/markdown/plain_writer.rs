//! The plain text of Markdown while it is written: the current block, and the quotations,
//! lists and items around it, which become its prefixes.

use crate::render::compiled_text::CompiledText;
use crate::render::plain::{Block, Flow, Gap};

/// The block that is being written, and the blocks around it.
#[derive(Debug, Default)]
pub(super) struct PlainWriter {
    pub(super) line: CompiledText,
    pub(super) containers: Vec<Container>,
    pub(super) in_code: bool,
}

/// An enclosing block.
#[derive(Debug)]
pub(super) enum Container {
    /// A quotation; `fresh` until something is written in it.
    Quote { fresh: bool },
    /// A list: the number of the next item, or `None` for bullets.
    List { next: Option<u64>, items: usize },
    /// An item: its marker until the first line is written, and its width.
    Item { marker: Option<String>, width: usize },
}

/// Whether a block is separated by an empty line, or is an item of a tight list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spacing {
    Loose,
    Tight,
}

impl PlainWriter {
    /// Enters a block and returns how deep quotations and lists are nested.
    pub(super) fn enter(&mut self, container: Container) -> usize {
        self.containers.push(container);
        self.containers.iter().filter(|c| !matches!(c, Container::Item { .. })).count()
    }

    /// Enters the next item of the list.
    pub(super) fn start_item(&mut self) {
        let marker = match self.containers.last_mut() {
            Some(Container::List { next, items }) => {
                *items += 1;
                match next {
                    Some(number) => {
                        let marker = format!("{number}. ");
                        *number += 1;
                        marker
                    }
                    None => "- ".to_owned(),
                }
            }
            Some(Container::Quote { .. } | Container::Item { .. }) | None => String::new(),
        };
        self.containers.push(Container::Item { width: marker.len(), marker: Some(marker) });
    }

    /// Ends the block that is being written; `None` if nothing is in it.
    pub(super) fn end_block(&mut self, flow: Flow, spacing: Spacing) -> Option<Block> {
        let mut words = self.line.take();
        if words.is_empty() {
            return None;
        }
        let gap = self.gap(spacing);
        let mut first = String::new();
        let mut rest = String::new();
        for container in &mut self.containers {
            match container {
                Container::Quote { fresh } => {
                    *fresh = false;
                    first.push_str("> ");
                    rest.push_str("> ");
                }
                Container::List { .. } => {}
                Container::Item { marker, width } => {
                    let blank = " ".repeat(*width);
                    first.push_str(&marker.take().unwrap_or_else(|| blank.clone()));
                    rest.push_str(&blank);
                }
            }
        }
        if self.in_code {
            words.trim_last_newline();
            first.push_str("    ");
            rest.push_str("    ");
        }
        Some(Block { first, rest, gap, flow, words })
    }

    /// The separator from the previous block: none between items of a tight list, otherwise an
    /// empty line, in a quotation with its bar.
    fn gap(&self, spacing: Spacing) -> Gap {
        let lists = self.containers.iter().filter_map(|container| match container {
            Container::List { items, .. } => Some(*items),
            Container::Quote { .. } | Container::Item { .. } => None,
        });
        let lists: Vec<usize> = lists.collect();
        let fresh_item = matches!(self.containers.last(), Some(Container::Item { marker: Some(_), .. }));
        let begins_list = fresh_item && lists == [1];
        if spacing == Spacing::Tight && !self.containers.is_empty() && !begins_list {
            return Gap::None;
        }
        let bars = self.containers.iter().filter(|c| matches!(c, Container::Quote { fresh: false })).count();
        Gap::Line("> ".repeat(bars).trim_end().to_owned())
    }
}
