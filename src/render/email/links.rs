//! Which link targets are allowed: our own pages, https, and mail addresses. An allow
//! list, because a deny list is never complete.

use super::context::Name;
use crate::render::compiled_text::{Escape, Pieces};
use crate::render::faults::Faults;
use crate::render::placeholder::Masked;

/// A link target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One of our pages, with the recipient's own URL.
    Ours(Name),
    /// A web page; the host, and the percent-encoded URL.
    Web { host: String, address: Pieces },
    /// A mail address with `mailto:`, percent-encoded.
    Mail(Pieces),
}

impl Target {
    /// The target as the inside of a quoted HTML attribute.
    pub(crate) fn attribute(&self) -> Pieces {
        let mut pieces = Pieces::default();
        match self {
            Target::Ours(name) => pieces.push_hole(name.clone(), Escape::Html),
            Target::Web { address, .. } | Target::Mail(address) => {
                for part in address.parts() {
                    match part {
                        Ok(encoded) => pieces.push_escaped(encoded, Escape::Html),
                        Err((name, _)) => pieces.push_hole(name.clone(), Escape::Url),
                    }
                }
            }
        }
        pieces
    }

    /// The target as it appears in plain text.
    pub(crate) fn plain(&self) -> Pieces {
        match self {
            Target::Ours(name) => {
                let mut pieces = Pieces::default();
                pieces.push_hole(name.clone(), Escape::Plain);
                pieces
            }
            Target::Web { address, .. } => address.clone(),
            Target::Mail(address) => address.without_prefix("mailto:"),
        }
    }
}

/// Parses the author's target, if it is allowed.
pub(crate) fn read(dest: &str, masked: &Masked, at: usize, faults: &mut Faults<'_>) -> Option<Target> {
    let holes: Vec<&Name> = dest.chars().filter_map(|c| masked.hole(c)).collect();
    if let [name] = holes.as_slice()
        && dest.chars().count() == 1
    {
        return ours(name, at, faults);
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
        Some((scheme, rest)) if scheme == "https" => web(rest, masked, at, faults),
        Some((scheme, rest)) if scheme == "mailto" => mail(rest, masked, at, faults),
        Some((scheme, _)) => {
            foreign(&scheme, at, faults);
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

fn ours(name: &Name, at: usize, faults: &mut Faults<'_>) -> Option<Target> {
    if name.is_link() {
        return Some(Target::Ours(name.clone()));
    }
    let found = format!("`{name}` is no address and cannot be a link target alone");
    faults.error("bad-link", at, &found, "whole targets are `{{link.answer}}` and the other `link.…` names");
    None
}

fn foreign(scheme: &str, at: usize, faults: &mut Faults<'_>) {
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

fn web(rest: &str, masked: &Masked, at: usize, faults: &mut Faults<'_>) -> Option<Target> {
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
    if !personal_data(after, masked, at, faults) {
        return None;
    }
    let mut address = Pieces::default();
    masked.unmask(&format!("https:{rest}"), Escape::Url, &mut address);
    Some(Target::Web { host: name_only.to_lowercase(), address })
}

/// Whether the URL would send personal data to another server.
fn personal_data(address: &str, masked: &Masked, at: usize, faults: &mut Faults<'_>) -> bool {
    let mut allowed = true;
    for name in address.chars().filter_map(|c| masked.hole(c)) {
        let spelled = name.to_string().to_lowercase();
        if ["mail", "mejl", "epost", "e-post", "address", "adress"].iter().any(|word| spelled.contains(word))
        {
            let found = format!("`{name}` would carry a mail address to another server");
            faults.error("address-in-link", at, &found, "leave it out of the link");
            allowed = false;
        } else if name.is_personal() {
            let found = format!("`{name}` tells another server who the reader is");
            faults.warning("personal-data-in-link", at, &found, "leave it out of the link if you can");
        }
    }
    allowed
}

fn mail(rest: &str, masked: &Masked, at: usize, faults: &mut Faults<'_>) -> Option<Target> {
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
            "write `mailto:name@example.se`; placeholders may stand after `?`",
        );
        return None;
    }
    let mut pieces = Pieces::default();
    masked.unmask(&format!("mailto:{rest}"), Escape::Url, &mut pieces);
    Some(Target::Mail(pieces))
}
