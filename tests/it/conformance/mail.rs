//! One produced mail, read by a parser that is not used to produce it, and the
//! input it was made from.

use std::rc::Rc;

use journey::domain::model::ids::Language;
use journey::domain::model::step::Variant;
use journey::engine::load::snapshot::Snapshot;
use journey::engine::plan::pass::DueEmail;
use journey::render::ReaderLinks;
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use super::page::Page;
use super::style::Styles;

/// What a mail was made from.
pub(super) struct Source<'w> {
    pub(super) world: &'w Snapshot,
    pub(super) due: DueEmail<'w>,
    pub(super) links: ReaderLinks,
    /// The Message-ID of round 0 of the same step to the same person; `None` in
    /// round 0.
    pub(super) first: Option<String>,
}

impl Source<'_> {
    /// The text variant it was made of.
    pub(super) fn variant(&self) -> &Variant {
        let wanted = self.world.content.library.programme.serve(&self.due.person.language);
        self.due.step.variant(wanted, self.due.character.as_ref())
    }

    /// The language of its text and of the whole mail.
    pub(super) fn language(&self) -> &Language {
        &self.variant().language
    }

    /// Is it in Swedish? Otherwise it is in English: the sample has no third.
    pub(super) fn is_swedish(&self) -> bool {
        self.language().as_str() == "sv"
    }

    /// The reader's address.
    pub(super) fn address(&self) -> &str {
        self.due.person.email.as_deref().unwrap_or_default()
    }

    /// The domain of the sender.
    pub(super) fn domain(&self) -> &str {
        self.world.config.mail.from.address.rsplit('@').next().unwrap_or_default()
    }

    /// `miljo/resor, round 0, sv, as halsa, to "Bo Ek"`
    pub(super) fn told(&self) -> String {
        let DueEmail { person, journey, step, round, character, .. } = &self.due;
        let character = character.as_ref().map_or("nobody", |slug| slug.as_str());
        let reads = &person.language;
        let name = format!("{} {}", person.first_name, person.last_name);
        let name: String = name.chars().take(30).collect();
        format!("{}/{}, round {round}, reads {reads}, as {character}, to {name:?}", journey.slug, step.slug)
    }

    /// An author's line as it reads for this person. Filled here independently,
    /// so that nothing is taken from the code under test.
    pub(super) fn filled(&self, line: &str) -> String {
        let person = self.due.person;
        let language = self.language();
        let programme = &self.world.content.library.programme;
        let title = programme.translations.get(language).and_then(|words| words.title.as_ref());
        let values = [
            ("person.first_name", person.first_name.to_string()),
            ("person.last_name", person.last_name.to_string()),
            ("person.unit", self.world.roster.unit_name(&person.unit).to_owned()),
            ("journey.title", self.due.journey.title_in(language).to_owned()),
            ("programme.title", title.unwrap_or(&programme.title).clone()),
            ("organisation", programme.organisation.clone()),
            ("step.minutes", self.due.step.minutes.to_string()),
        ];
        let mut filled = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").expect("a placeholder ends");
            let value = values.iter().find(|(known, _)| *known == name.trim());
            let (_, value) = value.unwrap_or_else(|| panic!("`{name}` is not known here; add it"));
            filled = filled + before + &clean(value);
            rest = after;
        }
        clean(&(filled + rest))
    }
}

/// A value as it may appear in a line: no control or direction characters, and
/// single blanks.
/// single blanks.
pub(super) fn clean(value: &str) -> String {
    let steers = |c: &char| "\u{61c}\u{200e}\u{200f}".contains(*c) || ('\u{202a}'..='\u{202e}').contains(c);
    let kept: String =
        value.chars().filter(|c| !steers(c) && !('\u{2066}'..='\u{2069}').contains(c)).collect();
    let breaks = |c: char| c.is_control() || c.is_whitespace();
    kept.split(breaks).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A header as it is in the mail.
pub(super) struct Header {
    pub(super) name: String,
    /// Unfolded, with encoded words.
    pub(super) value: String,
}

/// A produced mail, parsed.
pub(super) struct Mail<'m> {
    pub(super) source: &'m Source<'m>,
    pub(super) bytes: &'m [u8],
    /// The same mail produced a second time.
    pub(super) twin: &'m [u8],
    pub(super) message: Message<'m>,
    /// In order.
    pub(super) headers: Vec<Header>,
    /// The plain part, with `
    /// ` line ends.
    pub(super) text: String,
    /// The HTML part, with `
    /// ` line ends.
    pub(super) html: String,
    pub(super) page: Rc<Page>,
    pub(super) styles: Styles,
}

impl<'m> Mail<'m> {
    /// Parses a mail.
    ///
    /// # Errors
    ///
    /// Why it is not a mail.
    pub(super) fn read(source: &'m Source<'m>, bytes: &'m [u8], twin: &'m [u8]) -> Result<Mail<'m>, String> {
        let message = MessageParser::default().parse(bytes).ok_or("no parser takes it for a mail")?;
        let part = |wanted: fn(&PartType<'m>) -> Option<String>| {
            message.parts.iter().find_map(|part| wanted(&part.body)).unwrap_or_default().replace("\r\n", "\n")
        };
        let text = part(|body| if let PartType::Text(text) = body { Some(text.to_string()) } else { None });
        let html = part(|body| if let PartType::Html(html) = body { Some(html.to_string()) } else { None });
        let page = Rc::new(Page::read(&html));
        let styles = Styles::read(&page);
        Ok(Mail { source, bytes, twin, headers: headers(bytes), message, text, html, page, styles })
    }

    /// The values of a header, each time it occurs.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let same = self.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        same.map(|header| header.value.as_str()).collect()
    }

    /// The value of a header, where it first occurs.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The head of the mail: every line before the first empty one.
    pub(super) fn head(&self) -> &[u8] {
        let end = self.bytes.windows(4).position(|four| four == b"\r\n\r\n");
        &self.bytes[..end.map_or(self.bytes.len(), |end| end + 2)]
    }

    /// The type of a part, as `text/html`.
    pub(super) fn part_type(&self, part: usize) -> String {
        let kind = self.message.parts.get(part).and_then(|part| part.content_type());
        let subtype = kind.and_then(|kind| kind.subtype()).unwrap_or_default();
        kind.map_or_else(String::new, |kind| format!("{}/{subtype}", kind.ctype()))
    }

    /// The direct children of a part.
    pub(super) fn parts_of(&self, part: usize) -> Vec<usize> {
        match self.message.parts.get(part).map(|part| &part.body) {
            Some(PartType::Multipart(parts)) => parts.iter().map(|part| *part as usize).collect(),
            _ => Vec::new(),
        }
    }

    /// Every web or mailbox address in the mail: link targets and pictures of
    /// the page, and what the plain part shows.
    pub(super) fn targets(&self) -> Vec<String> {
        let links = self.page.elements().filter_map(|id| {
            self.page.attribute(id, "href").or_else(|| self.page.attribute(id, "src")).map(str::to_owned)
        });
        links.chain(self.written_links()).collect()
    }

    /// The addresses that the plain part shows, except one in the name of the person.
    pub(super) fn written_links(&self) -> Vec<String> {
        let person = self.source.due.person;
        let text = self.text.replace(&*person.first_name, "").replace(&*person.last_name, "");
        addresses(&text)
    }
}

fn headers(bytes: &[u8]) -> Vec<Header> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).replace("\r\n ", " ").replace("\r\n\t", " ");
    let read = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some(Header { name: name.to_owned(), value: value.trim().to_owned() })
    };
    head.split("\r\n").filter_map(read).collect()
}

/// A header's value as a reader sees it: encoded words decoded.
pub(super) fn decoded(value: &str) -> String {
    let line = format!("Subject: {value}\r\n\r\n");
    let message = MessageParser::default().parse(line.as_bytes());
    match message.as_ref().and_then(|message| message.header("Subject")) {
        Some(HeaderValue::Text(text)) => text.to_string(),
        _ => String::new(),
    }
}

/// Every `http:`, `https:` address in a text.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("http") {
        let from = &rest[at..];
        let end =
            from.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(from.len());
        let address = &from[..end];
        if address.starts_with("http://") || address.starts_with("https://") {
            // An address in brackets ends at the bracket; elsewhere a full stop
            // may follow it.
            let sentence: &[char] =
                if from[end..].starts_with('>') { &[] } else { &['.', ',', '!', '?', ')', ';', ':'] };
            found.push(address.trim_end_matches(sentence).to_owned());
        }
        rest = &from[4..];
    }
    found
}

/// The host of an address, with its port; nothing for `mailto:` and `cid:`.
pub(super) fn host(address: &str) -> Option<&str> {
    let (_, after) = address.split_once("://")?;
    after.split(['/', '?', '#']).next()
}
