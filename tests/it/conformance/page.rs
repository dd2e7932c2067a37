//! The HTML part as a tree, parsed as browsers do. It knows the structure;
//! styles are in [`super::style`].

use std::collections::BTreeMap;

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// Elements whose text is not shown.
const NO_TEXT: &[&str] = &["head", "style", "script", "title", "template"];

/// Elements that begin a new line.
const BLOCKS: &[&str] = &[
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "ul",
    "ol",
    "td",
    "th",
    "tr",
    "table",
    "div",
    "blockquote",
    "pre",
    "hr",
    "body",
    "html",
];

/// A node's place in the order of the source.
pub(super) type Id = usize;

/// The page.
pub(super) struct Page {
    nodes: Vec<Node>,
    links: Vec<Link>,
    /// Does it begin with `<!doctype html>`?
    pub(super) doctype: bool,
}

struct Node {
    parent: Option<Id>,
    what: EventKind,
    /// Where its content ends.
    end: Id,
    /// Is it shown, as far as its source alone says?
    shown: bool,
}

enum EventKind {
    Element { name: String, attributes: BTreeMap<String, String> },
    Text(String),
    Comment(String),
}

impl EventKind {
    /// Is its content shown?
    fn shows(&self) -> bool {
        let EventKind::Element { name, attributes } = self else { return true };
        let attribute = |name: &str| attributes.get(name).map(String::as_str);
        let style = attribute("style").unwrap_or_default();
        let style = style.split_whitespace().collect::<String>().to_lowercase();
        !(NO_TEXT.contains(&name.as_str())
            || attribute("hidden").is_some()
            || attribute("aria-hidden") == Some("true")
            || style.contains("display:none")
            || is_zero_sized(&style))
    }
}

impl Page {
    /// Parses a page.
    pub(super) fn read(html: &str) -> Page {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
        let mut page = Page { nodes: Vec::new(), links: Vec::new(), doctype: false };
        page.add(&dom.document, None);
        page.links = page.find_links();
        page
    }

    fn add(&mut self, handle: &Handle, parent: Option<Id>) {
        let what = match &handle.data {
            NodeData::Document | NodeData::ProcessingInstruction { .. } => None,
            NodeData::Doctype { name, public_id, system_id } => {
                self.doctype = &**name == "html" && public_id.is_empty() && system_id.is_empty();
                None
            }
            NodeData::Text { contents } => Some(EventKind::Text(contents.borrow().to_string())),
            NodeData::Comment { contents } => Some(EventKind::Comment(contents.to_string())),
            NodeData::Element { name, attrs, .. } => {
                let attrs = attrs.borrow();
                let pair = |a: &html5ever::Attribute| (a.name.local.to_string(), a.value.to_string());
                let attributes = attrs.iter().map(pair).collect();
                Some(EventKind::Element { name: name.local.to_string(), attributes })
            }
        };
        let own = what.map(|what| {
            let shown = parent.is_none_or(|up| self.nodes[up].shown) && what.shows();
            self.nodes.push(Node { parent, what, end: 0, shown });
            self.nodes.len() - 1
        });
        for child in handle.children.borrow().iter() {
            self.add(child, own.or(parent));
        }
        if let Some(own) = own {
            self.nodes[own].end = self.nodes.len();
        }
    }

    /// All elements, in the order of the source.
    pub(super) fn elements(&self) -> impl Iterator<Item = Id> {
        (0..self.nodes.len()).filter(|&id| matches!(self.nodes[id].what, EventKind::Element { .. }))
    }

    /// All elements of that name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = Id> {
        self.elements().filter(move |&id| self.name(id) == name)
    }

    /// All text nodes with their text, shown or not.
    pub(super) fn texts(&self) -> impl Iterator<Item = (Id, &str)> {
        self.nodes.iter().enumerate().filter_map(|(id, node)| match &node.what {
            EventKind::Text(text) => Some((id, text.as_str())),
            EventKind::Element { .. } | EventKind::Comment(_) => None,
        })
    }

    /// All comments.
    pub(super) fn comments(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match &node.what {
            EventKind::Comment(text) => Some(text.as_str()),
            EventKind::Element { .. } | EventKind::Text(_) => None,
        })
    }

    /// The name of an element; empty for text.
    pub(super) fn name(&self, id: Id) -> &str {
        match &self.nodes[id].what {
            EventKind::Element { name, .. } => name,
            EventKind::Text(_) | EventKind::Comment(_) => "",
        }
    }

    /// The attributes of an element, by name.
    pub(super) fn attributes(&self, id: Id) -> impl Iterator<Item = (&str, &str)> {
        let attributes = match &self.nodes[id].what {
            EventKind::Element { attributes, .. } => Some(attributes),
            EventKind::Text(_) | EventKind::Comment(_) => None,
        };
        attributes.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An attribute of an element.
    pub(super) fn attribute(&self, id: Id, name: &str) -> Option<&str> {
        self.attributes(id).find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The parent of a node.
    pub(super) fn parent(&self, id: Id) -> Option<Id> {
        self.nodes[id].parent
    }

    /// The node and its ancestors, from the inside out.
    pub(super) fn upwards(&self, id: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(Some(id), |&id| self.nodes[id].parent)
    }

    /// Is a node an element of that name, or in one?
    pub(super) fn within(&self, id: Id, name: &str) -> bool {
        self.upwards(id).any(|id| self.name(id) == name)
    }

    /// The direct children of an element, without comments and blanks.
    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        let blank = |id: Id| match &self.nodes[id].what {
            EventKind::Text(text) => text.trim().is_empty(),
            EventKind::Comment(_) => true,
            EventKind::Element { .. } => false,
        };
        self.inside(id).filter(move |&child| self.nodes[child].parent == Some(id) && !blank(child))
    }

    /// All descendants of an element.
    pub(super) fn inside(&self, id: Id) -> impl Iterator<Item = Id> {
        id + 1..self.nodes[id].end
    }

    /// The text of an element that is shown, with single blanks.
    pub(super) fn text(&self, id: Id) -> String {
        let shown = self.inside(id).filter(|&id| self.is_shown(id));
        let text: String = shown.map(|id| self.own_text(id)).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn own_text(&self, id: Id) -> &str {
        match &self.nodes[id].what {
            EventKind::Text(text) => text,
            EventKind::Element { name, .. } if name == "br" => " ",
            EventKind::Element { .. } | EventKind::Comment(_) => "",
        }
    }

    /// Is a node shown, as far as its source alone says?
    pub(super) fn is_shown(&self, id: Id) -> bool {
        self.nodes[id].shown
    }

    /// The block a node is in: a paragraph, an item, a cell.
    pub(super) fn block(&self, id: Id) -> Option<Id> {
        self.upwards(id).skip(1).find(|&id| BLOCKS.contains(&self.name(id)))
    }

    /// The shown text of each block, in order: runs of text in which no block
    /// begins or ends.
    pub(super) fn blocks(&self) -> Vec<(Id, String)> {
        let mut blocks: Vec<(Id, String)> = Vec::new();
        let mut last = None;
        for (id, node) in self.nodes.iter().enumerate() {
            let is_break = self.name(id) == "br";
            let text = match &node.what {
                EventKind::Text(text) => text.as_str(),
                EventKind::Element { .. } if is_break => " ",
                EventKind::Element { .. } | EventKind::Comment(_) => continue,
            };
            let Some(block) = self.block(id) else { continue };
            if !self.is_shown(id) || (text.trim().is_empty() && last != Some(block)) {
                continue;
            }
            match blocks.last_mut() {
                Some((same, words)) if *same == block => words.push_str(text),
                _ => blocks.push((block, text.to_owned())),
            }
            last = Some(block);
        }
        for (_, text) in &mut blocks {
            *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        blocks.retain(|(_, text)| !text.is_empty());
        blocks
    }

    /// The links: each `a` with an `href`, its target and its text.
    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }

    fn find_links(&self) -> Vec<Link> {
        let links = self.named("a").filter_map(|id| {
            let target = self.attribute(id, "href")?.to_owned();
            Some(Link { id, target, text: self.link_text(id) })
        });
        links.collect()
    }

    /// The text of a link, or the alternative text of its picture.
    fn link_text(&self, id: Id) -> String {
        let text = self.text(id);
        let pictures = self.inside(id).filter_map(|id| self.attribute(id, "alt"));
        let words: Vec<&str> = std::iter::once(text.as_str()).chain(pictures).collect();
        words.join(" ").trim().to_owned()
    }

    /// The tree without its text, with our own addresses replaced by a
    /// constant: what must not depend on a name.
    pub(super) fn shape(&self, ours: &str) -> String {
        let mut shape = String::new();
        for id in self.elements() {
            shape += &format!("{} {}", self.upwards(id).count(), self.name(id));
            for (name, value) in self.attributes(id) {
                let value = if value.starts_with(ours) { ours } else { value };
                shape += &format!(" {name}={value:?}");
            }
            shape.push('\n');
        }
        shape
    }
}

/// A link of the page.
pub(super) struct Link {
    /// Its element.
    pub(super) id: Id,
    pub(super) target: String,
    pub(super) text: String,
}

/// Is something hidden by its size? The style is in lower case and without
/// blanks.
pub(super) fn is_zero_sized(style: &str) -> bool {
    let says =
        |what: &str| style.split(';').any(|declared| declared == what || declared == format!("{what}px"));
    ["font-size:0", "font-size:1", "max-height:0", "height:0", "line-height:0", "opacity:0", "max-width:0"]
        .iter()
        .any(|what| says(what))
}
