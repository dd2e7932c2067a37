//! Checks of MIME structure and body: requirements E19 to E28.

use std::collections::BTreeSet;

use mail_parser::MimeHeaders;

use super::super::mail::{self, Mail};
use super::headers::tells_who;
use super::{Faults, fault_if};

/// Elements that fetch, run or ask for something (E25).
const ACTIVE: &[&str] = &[
    "script", "link", "form", "input", "button", "select", "textarea", "iframe", "frame", "object", "embed",
    "video", "audio", "source", "track", "svg", "math", "base", "applet", "picture",
];

/// Attributes that fetch something (E25).
const FETCHING: &[&str] = &["src", "srcset", "background", "poster", "data", "action", "formaction", "ping"];

/// Link shorteners, which hide the real address (E28).
const SHORTENERS: &[&str] = &[
    "bit.ly",
    "t.co",
    "tinyurl.com",
    "goo.gl",
    "ow.ly",
    "is.gd",
    "v.gd",
    "buff.ly",
    "rebrand.ly",
    "lnkd.in",
    "t.ly",
    "cutt.ly",
    "shorturl.at",
    "rb.gy",
    "aka.ms",
    "youtu.be",
    "fb.me",
];

/// The longest line a relay accepts, and the longest a body line should be.
const LONGEST_LINE: usize = 998;
const WIDTH: usize = 78;

/// Sizes in octets (E23).
const LARGEST_MAIL: usize = 100_000;
const LARGEST_PAGE: usize = 80_000;

/// The longest address of our own (E24).
const LONGEST_ADDRESS: usize = 200;

pub(in super::super) fn structure(mail: &Mail<'_>) -> Faults {
    let mut faults = fault_if(mail.part_type(0) != "multipart/alternative", || {
        format!("the mail is `{}`", mail.part_type(0))
    });
    let parts = mail.parts_of(0);
    let [text, page] = parts[..] else {
        faults.push(format!("{} parts, and two are wanted", parts.len()));
        return faults;
    };
    let related = mail.parts_of(page);
    let (page, pictures) = match mail.part_type(page).as_str() {
        "multipart/related" => {
            (related.first().copied().unwrap_or(page), related.get(1..).unwrap_or_default())
        }
        _ => (page, &[][..]),
    };
    for (part, wanted) in [(text, "text/plain"), (page, "text/html")] {
        let found = mail.part_type(part);
        faults.extend(fault_if(found != wanted, || format!("`{found}` where `{wanted}` should be")));
        let kind = mail.message.parts[part].content_type();
        let charset = kind.and_then(|kind| kind.attribute("charset")).unwrap_or_default();
        faults
            .extend(fault_if(!charset.eq_ignore_ascii_case("utf-8"), || format!("`{found}` in `{charset}`")));
    }
    for part in pictures {
        let found = mail.part_type(*part);
        faults.extend(fault_if(!found.starts_with("image/"), || format!("`{found}` beside the page")));
    }
    let attached = |part: &&mail_parser::MessagePart<'_>| {
        part.content_disposition().is_some_and(|disposition| disposition.ctype() == "attachment")
    };
    faults.extend(fault_if(mail.message.parts.iter().any(|p| attached(&p)), || "an attachment".to_owned()));
    faults
}

pub(in super::super) fn encoding(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    for (number, part) in mail.message.parts.iter().enumerate() {
        if mail.part_type(number).starts_with("multipart/") {
            continue;
        }
        let found = part.content_transfer_encoding().unwrap_or("7bit").to_lowercase();
        let fine = matches!(found.as_str(), "quoted-printable" | "base64");
        faults.extend(fault_if(!fine, || format!("`{}` is sent as `{found}`", mail.part_type(number))));
        faults.extend(fault_if(part.is_encoding_problem, || {
            format!("`{}` is not `{found}`", mail.part_type(number))
        }));
    }
    for line in mail.bytes[mail.head().len()..].split(|byte| *byte == b'\n') {
        let shown: String = String::from_utf8_lossy(line).chars().take(40).collect();
        faults.extend(fault_if(line.len() > WIDTH + 1, || {
            let much = if line.len() > LONGEST_LINE { ", more than a relay takes" } else { "" };
            format!("`{shown}…` has {} octets{much}", line.len())
        }));
        faults.extend(fault_if(!line.is_ascii(), || format!("`{shown}…` is sent as 8bit")));
    }
    faults.truncate(3);
    faults
}

pub(in super::super) fn line_ends(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    for (at, byte) in mail.bytes.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| mail.bytes.get(at));
        let wrong = match byte {
            b'\n' => before != Some(&b'\r'),
            b'\r' => mail.bytes.get(at + 1) != Some(&b'\n'),
            b'\t' => false,
            byte => byte.is_ascii_control(),
        };
        faults.extend(fault_if(wrong, || format!("octet {at} is {byte:#04x}")));
    }
    for (part, text) in [("plain part", &mail.text), ("page", &mail.html)] {
        let control = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        faults.extend(control.map(|c| format!("the {part} holds {c:?}")));
    }
    faults.truncate(3);
    faults
}

pub(in super::super) fn plain_part(mail: &Mail<'_>) -> Faults {
    [same_words(mail), same_headings(mail), same_links(mail), plain_is_plain(mail)].concat()
}

/// The words of both parts are the same in the same order. The preheader is
/// left out of both: the page may show it, or keep it for the list of mails.
fn same_words(mail: &Mail<'_>) -> Faults {
    let preheader = mail.source.variant().preheader.as_deref().unwrap_or_default();
    let preheader = words(&mail.source.filled(preheader));
    let shown: Vec<String> = mail.page.blocks().into_iter().map(|(_, text)| text).collect();
    let page = without(words(&shown.join("\n")), &preheader);
    let text = without(words(&unmarked(&mail.text)), &preheader);
    let Some(at) = (0..page.len().max(text.len())).find(|&at| page.get(at) != text.get(at)) else {
        return Vec::new();
    };
    let around =
        |words: &[String]| words[at.min(words.len())..].iter().take(6).cloned().collect::<Vec<_>>().join(" ");
    vec![format!("the page goes on with `{}`, the plain part with `{}`", around(&page), around(&text))]
}

/// The words of a text, without punctuation and addresses.
fn words(text: &str) -> Vec<String> {
    let words = text.split_whitespace().filter(|word| !word.contains("://"));
    let words = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

/// The words without the first place where the others occur in a row.
fn without(mut words: Vec<String>, others: &[String]) -> Vec<String> {
    if !others.is_empty()
        && let Some(at) = words.windows(others.len()).position(|window| window == others)
    {
        words.drain(at..at + others.len());
    }
    words
}

/// The plain part without its layout marks: list numbers, and addresses in
/// brackets.
fn unmarked(text: &str) -> String {
    let unnumbered = text.lines().map(|line| {
        let trimmed = line.trim_start_matches(['>', ' ']);
        match trimmed.split_once(". ") {
            Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty() => rest,
            _ => line,
        }
    });
    let joined = unnumbered.collect::<Vec<_>>().join("\n");
    let mut out = String::new();
    let mut rest = joined.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        match after.split_once('>') {
            Some((address, after)) if is_address(address) => rest = after,
            _ => {
                out.push('<');
                rest = after;
            }
        }
    }
    out + rest
}

/// `https://…` or `name@domain`: what the plain part puts into brackets.
fn is_address(text: &str) -> bool {
    let mailbox = |c: char| c.is_ascii_alphanumeric() || "@.-_+%".contains(c);
    !text.contains(char::is_whitespace)
        && (text.starts_with("http") || (text.contains('@') && text.chars().all(mailbox)))
}

/// Every heading of the page is a paragraph of its own in the plain part.
fn same_headings(mail: &Mail<'_>) -> Faults {
    let paragraphs: Vec<String> =
        mail.text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let headings = mail.page.elements().filter(|&id| is_heading(mail.page.name(id)));
    let headings = headings.map(|id| mail.page.text(id));
    let missing = headings.filter(|heading| !paragraphs.contains(heading));
    missing.map(|heading| format!("the heading `{heading}` is none in the plain part")).collect()
}

/// `h1` to `h6`
pub(super) fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Every link of one part is in the other too.
fn same_links(mail: &Mail<'_>) -> Faults {
    let (mails, pages): (Vec<_>, Vec<_>) =
        mail.page.links().iter().partition(|link| link.target.starts_with("mailto:"));
    let page: BTreeSet<String> = pages.into_iter().map(|link| link.target.clone()).collect();
    let text: BTreeSet<String> = mail.written_links().into_iter().collect();
    let mut faults: Faults =
        page.difference(&text).map(|link| format!("the plain part lacks {link}")).collect();
    faults.extend(text.difference(&page).map(|link| format!("the page lacks {link}")));
    for link in mails {
        let address =
            link.target.trim_start_matches("mailto:").split('?').next().unwrap_or_default().to_owned();
        faults.extend(fault_if(!mail.text.contains(&address), || format!("the plain part lacks {address}")));
    }
    faults
}

fn plain_is_plain(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    for sign in ["&amp;", "&lt;", "&gt;", "&quot;", "&#", "&nbsp;"] {
        faults.extend(fault_if(mail.text.contains(sign), || format!("`{sign}` in the plain part")));
    }
    for sign in ["\u{fffd}", "Ã¥", "Ã¤", "Ã¶", "Ã…", "Ã„", "Ã–"] {
        let broken = mail.text.contains(sign) || mail.html.contains(sign);
        faults.extend(fault_if(broken, || format!("`{sign}`: letters that were read in another encoding")));
    }
    let long = mail.text.lines().filter(|line| line.chars().count() > WIDTH);
    let breakable = long.filter(|line| line.trim_start_matches(['>', '-', ' ']).contains(' '));
    faults.extend(breakable.map(|line| format!("a line of {} characters", line.chars().count())));
    faults
}

pub(in super::super) fn sizes(mail: &Mail<'_>) -> Faults {
    let (whole, page) = (mail.bytes.len(), mail.html.len());
    [
        fault_if(whole > LARGEST_MAIL, || format!("the mail has {whole} octets")),
        fault_if(page > LARGEST_PAGE, || format!("the page has {page} octets")),
    ]
    .concat()
}

pub(in super::super) fn own_addresses(mail: &Mail<'_>) -> Faults {
    let base = &mail.source.world.config.web.base_url;
    let ours = mail::host(base);
    let unsubscribe = mail.header("List-Unsubscribe").map(mail::addresses).unwrap_or_default();
    let mut faults = Vec::new();
    let mut told = BTreeSet::new();
    for address in mail.targets().into_iter().chain(unsubscribe) {
        if mail::host(&address) != ours || !told.insert(address.clone()) {
            continue;
        }
        let path = address.splitn(4, '/').nth(3).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        let loopback = ours.is_some_and(|host| host.starts_with("127.") || host.starts_with("localhost"));
        let length = address.len();
        faults.extend(fault_if(length > LONGEST_ADDRESS, || format!("{address} has {length} characters")));
        faults.extend(fault_if(!address.starts_with("https://") && !loopback, || {
            format!("{address} is not https")
        }));
        faults.extend(fault_if(!address.starts_with(&format!("{base}/")), || {
            format!("{address} is not below {base}")
        }));
        faults.extend(fault_if(!path.chars().all(plain) || path.ends_with(['.', '-', '/']), || {
            format!("{address} has signs that mail programs break")
        }));
        faults.extend(fault_if(tells_who(mail, path), || format!("{address} tells who reads")));
    }
    faults
}

pub(in super::super) fn nothing_is_fetched(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let mut faults = Vec::new();
    for id in page.elements() {
        let name = page.name(id);
        faults.extend(fault_if(ACTIVE.contains(&name), || format!("there is a `{name}`")));
        let refresh = name == "meta"
            && page.attribute(id, "http-equiv").is_some_and(|v| v.eq_ignore_ascii_case("refresh"));
        faults.extend(fault_if(refresh, || "the page goes elsewhere by itself".to_owned()));
        for (attribute, value) in page.attributes(id) {
            faults.extend(fault_if(attribute.starts_with("on"), || format!("`{name}` has `{attribute}`")));
            let inside = name == "img" && attribute == "src" && value.starts_with("cid:");
            faults.extend(fault_if(FETCHING.contains(&attribute) && !inside, || {
                format!("`{name}` fetches `{value}`")
            }));
        }
    }
    for picture in page.named("img") {
        let source = page.attribute(picture, "src").unwrap_or_default();
        let id = source.strip_prefix("cid:");
        let there =
            mail.message.parts.iter().any(|part| part.content_id().is_some() && part.content_id() == id);
        faults.extend(fault_if(id.is_some() && !there, || format!("no part is `{source}`")));
        for side in ["width", "height"] {
            let number = page.attribute(picture, side).is_some_and(|value| value.parse::<u16>().is_ok());
            faults.extend(fault_if(!number, || format!("a picture without `{side}`")));
        }
    }
    let styles = page.elements().filter_map(|id| page.attribute(id, "style"));
    let sheets = page.named("style").flat_map(|id| page.inside(id)).collect::<BTreeSet<_>>();
    let sheets = page.texts().filter(|(id, _)| sheets.contains(id)).map(|(_, text)| text);
    for style in styles.chain(sheets) {
        let fetches = ["url(", "@import", "@font-face", "expression(", "-moz-binding"]
            .iter()
            .find(|w| style.contains(**w));
        faults.extend(fetches.map(|word| format!("a style with `{word}`")));
    }
    faults
}

pub(in super::super) fn known_hosts(mail: &Mail<'_>) -> Faults {
    let library = &mail.source.world.content.library;
    let variant = mail.source.variant();
    let film = variant.film.iter().flat_map(|film| [Some(&film.url), film.transcript.as_ref()]).flatten();
    let written = film.cloned().chain(mail::addresses(&variant.body.replace(['(', ')'], " ")));
    let templates = library.templates.iter().flat_map(|template| mail::addresses(&template.text));
    let base = mail.source.world.config.web.base_url.clone();
    let known: Vec<String> = written.chain(templates).chain([base]).collect();
    let hosts: BTreeSet<&str> = known.iter().filter_map(|address| mail::host(address)).collect();
    let mut faults = Vec::new();
    for address in mail.targets() {
        let host = mail::host(&address);
        faults.extend(fault_if(host.is_some_and(|host| !hosts.contains(host)), || {
            format!("{address} leads where no author wanted to")
        }));
        let query = address.split_once('?').map_or("", |(_, query)| query).to_lowercase();
        faults.extend(fault_if(
            query.contains("http:")
                || query.contains("https:")
                || query.contains("http%3a")
                || query.contains("https%3a"),
            || format!("{address} leads on to another page"),
        ));
    }
    for picture in mail.page.named("img") {
        let side = |name| mail.page.attribute(picture, name).and_then(|value| value.parse::<u16>().ok());
        let tiny = [side("width"), side("height")].iter().flatten().any(|side| *side < 8);
        faults.extend(fault_if(tiny, || "a picture nobody can see".to_owned()));
    }
    faults
}

pub(in super::super) fn honest_links(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    for link in mail.page.links() {
        let host = mail::host(&link.target).unwrap_or_default();
        for word in link.text.split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            let word = word.split_once("://").map_or(word.as_str(), |(_, rest)| rest);
            let shown = word.split(['/', '?', '#']).next().unwrap_or_default();
            let bare = |host: &str| host.trim_start_matches("www.").to_owned();
            faults.extend(fault_if(looks_like_a_host(shown) && bare(shown) != bare(host), || {
                format!("`{}` shows {shown} and leads to {host}", link.text)
            }));
        }
    }
    faults
}

/// `ekdala.example`: labels with a dot between them, the last one letters.
fn looks_like_a_host(word: &str) -> bool {
    let labels: Vec<&str> = word.split('.').collect();
    let label = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let last = labels.last().is_some_and(|last| last.len() > 1 && last.chars().all(char::is_alphabetic));
    labels.len() > 1 && labels.iter().all(label) && last
}

pub(in super::super) fn plain_hosts(mail: &Mail<'_>) -> Faults {
    // A page on this machine is for trying out, and allowed (E24).
    let ours = mail::host(&mail.source.world.config.web.base_url);
    let mut faults = Vec::new();
    for address in mail.targets() {
        let Some(host) = mail::host(&address).filter(|host| Some(*host) != ours) else { continue };
        let name = host.split(':').next().unwrap_or_default().trim_start_matches("www.").to_lowercase();
        let number = host.starts_with('[') || name.chars().all(|c| c.is_ascii_digit() || c == '.');
        faults.extend(fault_if(SHORTENERS.contains(&name.as_str()), || {
            format!("{address} hides where it leads")
        }));
        faults.extend(fault_if(number, || format!("{address} is a number, not a name")));
    }
    faults
}
