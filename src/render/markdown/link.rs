//! Links and pictures in Markdown: a link is checked and written with its text, a picture
//! is refused with what to do instead.

use pulldown_cmark::{Event, LinkType, TagEnd};

use super::{LocatedEvent, MarkdownCompiler};
use crate::render::compiled_text::CompiledText;
use crate::render::email::links::{self, LinkTarget};
use crate::render::email::style_lint;

/// A link that is being written.
#[derive(Debug)]
pub(super) struct OpenLink {
    target: Option<LinkTarget>,
    at: usize,
    pub(super) text: CompiledText,
    /// `<https://…>`: its text is its URL.
    pub(super) bare: bool,
}

impl MarkdownCompiler<'_, '_, '_> {
    pub(super) fn start_link(&mut self, kind: LinkType, dest: &str, at: usize) {
        let dest = if kind == LinkType::Email { format!("mailto:{dest}") } else { dest.to_owned() };
        let target = links::parse(&dest, self.masked, at, self.faults);
        if let Some(target) = &target {
            let address = target.attribute();
            self.html("<a href=\"");
            self.written += address.literal_len();
            self.section.html.append(address);
            self.html("\">");
        }
        let bare = matches!(kind, LinkType::Autolink | LinkType::Email);
        self.link = Some(OpenLink { target, at, text: CompiledText::default(), bare });
    }

    pub(super) fn end_link(&mut self) {
        let Some(OpenLink { target: Some(target), at, text, bare }) = self.link.take() else { return };
        self.html("</a>");
        if bare {
            return self.plain.line.append(target.plain());
        }
        let said = text.as_literal();
        if text.is_empty() || said.is_some_and(|said| said.trim().is_empty()) {
            self.faults.error("link-text", at, "a link without a text", "write `[Where it leads](…)`");
        }
        if let Some(said) = said.filter(|said| style_lint::is_vague(said)) {
            let found = format!("`{}` does not say where the link leads", said.trim());
            self.faults.warning(
                "link-text",
                at,
                &found,
                "some people hear only the links: name what is there",
            );
        }
        if let (Some(said), LinkTarget::Web { host, .. }) = (said, &target)
            && style_lint::shown_host(said).is_some_and(|shown| shown != *host)
        {
            let found = format!("the text shows another address than `{host}`, where the link leads");
            self.faults.error(
                "misleading-link",
                at,
                &found,
                "mail filters treat it as fraud: write a text instead",
            );
        }
        let address = target.plain();
        if address != text {
            self.plain.line.push_str(" <");
            self.plain.line.append(address);
            self.plain.line.push_str(">");
        }
    }

    pub(super) fn start_image(&mut self, dest: &str, after: &[LocatedEvent<'_>], at: usize) {
        self.images += 1;
        let inside = after.iter().take_while(|(event, _)| !matches!(event, Event::End(TagEnd::Image)));
        let has_alt =
            inside.map(|(event, _)| event).any(|event| matches!(event, Event::Text(_) | Event::Code(_)));
        let remote = dest.contains(':')
            || dest.starts_with("//")
            || dest.chars().any(|c| self.masked.hole(c).is_some());
        if remote {
            let hint = "mail programs block it, and it tells the other server who reads: link to it instead";
            self.faults.error("remote-image", at, "a picture from somewhere else", hint);
        } else if has_alt {
            let hint = "describe it in the text; a film has its own field in the front matter";
            self.faults.error("image", at, "pictures in mails are not supported yet", hint);
        } else {
            let hint = "write between the brackets what it shows: `![Two hands and a seedling](…)`";
            self.faults.error("image-without-alt", at, "the picture has no description (alt text)", hint);
        }
    }
}
