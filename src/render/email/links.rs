//! Which link targets are allowed: our own pages, https, and mail addresses. An allow
//! list, because a deny list is never complete.

use super::names::Placeholder;
use crate::render::compiled_text::{CompiledText, Escape};
use crate::render::faults::Faults;
use crate::render::placeholder::MaskedText;

/// A link target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkTarget {
    /// One of our pages, with the recipient's own URL.
    OwnPage(Placeholder),
    /// A web page; the host, and the percent-encoded URL.
    Web { host: String, address: CompiledText },
    /// A mail address with `mailto:`, percent-encoded.
    Mail(CompiledText),
}

impl LinkTarget {
    /// The target as the inside of a quoted HTML attribute.
    pub(crate) fn attribute(&self) -> CompiledText {
        let mut pieces = CompiledText::default();
        match self {
            LinkTarget::OwnPage(name) => pieces.push_slot(name.clone(), Escape::Html),
            LinkTarget::Web { address, .. } | LinkTarget::Mail(address) => {
                for part in address.segments() {
                    match part {
                        Ok(encoded) => pieces.push_escaped(encoded, Escape::Html),
                        Err((name, _)) => pieces.push_slot(name.clone(), Escape::Url),
                    }
                }
            }
        }
        pieces
    }

    /// The target as it appears in plain text.
    pub(crate) fn plain(&self) -> CompiledText {
        match self {
            LinkTarget::OwnPage(name) => {
                let mut pieces = CompiledText::default();
                pieces.push_slot(name.clone(), Escape::Plain);
                pieces
            }
            LinkTarget::Web { address, .. } => address.clone(),
            LinkTarget::Mail(address) => address.without_prefix("mailto:"),
        }
    }
}

/// Parses the author's target, if it is allowed.
pub(crate) fn parse(
    dest: &str,
    masked: &MaskedText,
    at: usize,
    faults: &mut Faults<'_>,
) -> Option<LinkTarget> {
    let holes: Vec<&Placeholder> = dest.chars().filter_map(|c| masked.hole(c)).collect();
    if let [name] = holes.as_slice()
        && dest.chars().count() == 1
    {
        return own_link(name, at, faults);
    }
    if dest.chars().any(char::is_control) {
        faults.error("bad-link", at, "a link target with a control character in it", "write it on one line");
        return None;
    }
    if let Some(name) = holes.iter().find(|name| name.is_link()) {
        let found = format!("`{name}` is a whole address of its own and cannot be a part of another");
        faults.error(
            "bad-link",
            at,
            &found,
            &format!("write `({{{{{name}}}}})` with nothing before or after"),
        );
        return None;
    }
    match dest.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest)) {
        Some((scheme, rest)) if scheme == "https" => parse_web(rest, masked, at, faults),
        Some((scheme, rest)) if scheme == "mailto" => parse_mailto(rest, masked, at, faults),
        Some((scheme, _)) => {
            reject_scheme(&scheme, at, faults);
            None
        }
        None => {
            let found = "a link that begins neither with `https://` nor with `mailto:`";
            let hint = "a mail has no place of its own: write the whole address, or one of `{{link.…}}`";
            faults.error("bad-link", at, found, hint);
            None
        }
    }
}

fn own_link(name: &Placeholder, at: usize, faults: &mut Faults<'_>) -> Option<LinkTarget> {
    if name.is_link() {
        return Some(LinkTarget::OwnPage(name.clone()));
    }
    let found = format!("`{name}` is not an address and cannot be the whole target of a link");
    faults.error("bad-link", at, &found, "whole targets are `{{link.answer}}` and the other `link.…` names");
    None
}

fn reject_scheme(scheme: &str, at: usize, faults: &mut Faults<'_>) {
    let known = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if scheme == "http" {
        faults.error("bad-link", at, "an `http:` link is open to everybody on the way", "write `https:`");
    } else if known && !scheme.is_empty() {
        let found = format!("`{scheme}:` links are not allowed");
        faults.error("bad-link", at, &found, "links are `https://…`, `mailto:…` or one of `{{link.…}}`");
    } else {
        let found = "a link that begins neither with `https://` nor with `mailto:`";
        faults.error("bad-link", at, found, "write the whole address");
    }
}

fn parse_web(rest: &str, masked: &MaskedText, at: usize, faults: &mut Faults<'_>) -> Option<LinkTarget> {
    let Some(after) = rest.strip_prefix("//") else {
        faults.error(
            "bad-link",
            at,
            "an address with `https:` but without `//`",
            "write `https://` and the host",
        );
        return None;
    };
    let host = after.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    let letter = |c: char| !c.is_ascii() && c.is_alphanumeric() && masked.hole(c).is_none();
    if host.is_empty() || host.starts_with(['.', ':']) || !host.chars().all(|c| plain(c) || letter(c)) {
        let found = "an address whose host is not a plain name";
        let hint = "the host is letters, digits, `-` and `.`, with no placeholder, user or password in it";
        faults.error("bad-link", at, found, hint);
        return None;
    }
    let name_only = host.split(':').next().unwrap_or_default();
    if name_only.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        let found = "an address with a bare IP number";
        faults.error("bad-link", at, found, "mail filters take it for a fraud: link to a name");
        return None;
    }
    if !check_personal_data(after, masked, at, faults) {
        return None;
    }
    let mut address = CompiledText::default();
    masked.unmask(&format!("https:{rest}"), Escape::Url, &mut address);
    Some(LinkTarget::Web { host: name_only.to_lowercase(), address })
}

/// Whether the URL would send personal data to another server.
fn check_personal_data(address: &str, masked: &MaskedText, at: usize, faults: &mut Faults<'_>) -> bool {
    let mut allowed = true;
    for name in address.chars().filter_map(|c| masked.hole(c)) {
        let spelled = name.to_string().to_lowercase();
        if ["mail", "mejl", "epost", "e-post", "address", "adress"].iter().any(|word| spelled.contains(word))
        {
            let found = format!("`{name}` would carry a mail address to another server");
            faults.error("address-in-link", at, &found, "leave it out of the link");
            allowed = false;
        } else if name.is_personal() {
            let found = format!("`{name}` tells another server who the recipient is");
            faults.warning("personal-data-in-link", at, &found, "leave it out of the link if you can");
        }
    }
    allowed
}

fn parse_mailto(rest: &str, masked: &MaskedText, at: usize, faults: &mut Faults<'_>) -> Option<LinkTarget> {
    let address = rest.split('?').next().unwrap_or_default();
    let has_hole = address.chars().any(|c| masked.hole(c).is_some());
    let whole =
        matches!(address.split_once('@'), Some((local, domain)) if !local.is_empty() && domain.contains('.'));
    if has_hole || !whole || address.contains(char::is_whitespace) {
        let found = "a `mailto:` link without a plain mail address";
        faults.error(
            "bad-link",
            at,
            found,
            "write `mailto:name@example.se`; placeholders are allowed after `?`",
        );
        return None;
    }
    let mut pieces = CompiledText::default();
    masked.unmask(&format!("mailto:{rest}"), Escape::Url, &mut pieces);
    Some(LinkTarget::Mail(pieces))
}
