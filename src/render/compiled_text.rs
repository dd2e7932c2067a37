//! Words with holes in them: prepared once per step, character and language,
//! filled for each person with the escaping of the place each hole is in.
//! What the reader may lack (a department, a page) stands in two forms.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::RenderFault;
use crate::render::email::context::{Name, Values};

/// A run of prepared words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pieces(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Goes out as it stands.
    Ready(String),
    /// Stands for a value.
    Hole(Name, Escape),
    /// Is there only if the reader has a value of that name, else the other.
    If(Name, Pieces, Pieces),
}

/// What a value must be made of to be nothing but itself in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// HTML text or the inside of a quoted attribute.
    Html,
    /// A part of an address: percent-encoded, in HTML and in plain text alike.
    Url,
    /// Plain text.
    Plain,
}

impl Escape {
    /// All of them, in their order.
    pub(super) const ALL: [Escape; 3] = [Escape::Html, Escape::Url, Escape::Plain];
}

impl Pieces {
    /// Adds words that have their escaping behind them.
    pub(super) fn push_str(&mut self, ready: &str) {
        match self.0.last_mut() {
            Some(Piece::Ready(last)) => last.push_str(ready),
            _ if ready.is_empty() => {}
            _ => self.0.push(Piece::Ready(ready.to_owned())),
        }
    }

    /// Adds words of the author's.
    pub(super) fn push_escaped(&mut self, text: &str, escape: Escape) {
        match escape {
            Escape::Html => self.push_str(&escape_html(text)),
            Escape::Url => self.push_str(&percent_encode(text)),
            Escape::Plain => self.push_str(text),
        }
    }

    /// Adds a hole.
    pub(super) fn push_hole(&mut self, name: Name, escape: Escape) {
        self.0.push(Piece::Hole(name, escape));
    }

    /// Adds words for those who have a value of that name, and for the others.
    pub(super) fn push_if(&mut self, name: Name, there: Pieces, absent: Pieces) {
        self.0.push(Piece::If(name, there, absent));
    }

    /// Adds all of another.
    pub(super) fn append(&mut self, other: Pieces) {
        for piece in other.0 {
            match piece {
                Piece::Ready(ready) => self.push_str(&ready),
                Piece::Hole(..) | Piece::If(..) => self.0.push(piece),
            }
        }
    }

    /// The words (`Ok`) and the holes (`Err`), in order.
    pub(super) fn parts(&self) -> impl Iterator<Item = Result<&str, (&Name, Escape)>> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Ready(ready) => Some(Ok(ready.as_str())),
            Piece::Hole(name, escape) => Some(Err((name, *escape))),
            // Only in whole pages, which nobody takes apart.
            Piece::If(..) => None,
        })
    }

    /// The same without what it begins with.
    pub(super) fn without_prefix(&self, prefix: &str) -> Pieces {
        let mut rest = self.clone();
        if let Some(Piece::Ready(first)) = rest.0.first_mut()
            && let Some(stripped) = first.strip_prefix(prefix)
        {
            *first = stripped.to_owned();
        }
        rest
    }

    /// Takes all words out, and leaves none.
    pub(super) fn take(&mut self) -> Pieces {
        std::mem::take(self)
    }

    /// Takes away a line break at the end.
    pub(super) fn trim_last_newline(&mut self) {
        if let Some(Piece::Ready(last)) = self.0.last_mut()
            && last.ends_with('\n')
        {
            last.pop();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long the words are without what goes into the holes.
    pub(super) fn ready_len(&self) -> usize {
        self.ready().map(str::len).sum()
    }

    /// The words between the holes.
    pub(super) fn ready(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Ready(ready) => Some(ready.as_str()),
            Piece::Hole(..) | Piece::If(..) => None,
        })
    }

    /// The words, if there is no hole in them.
    pub(super) fn whole(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Ready(ready)] => Some(ready),
            _ => None,
        }
    }

    /// What stands in the holes.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Ready(_) | Piece::If(..) => None,
            Piece::Hole(name, _) => Some(name),
        })
    }

    /// The name that has no value for this person, if there is one.
    pub(super) fn check(&self, values: &Values<'_>) -> Result<(), RenderFault> {
        for piece in &self.0 {
            match piece {
                Piece::Ready(_) => {}
                Piece::Hole(name, escape) => drop(allowed(name, *escape, values)?),
                Piece::If(name, there, absent) => side(name, there, absent, values).check(values)?,
            }
        }
        Ok(())
    }

    /// The words for one person, added to `out`. A value that is empty, or
    /// an address that would leave in somebody else's URL, is a fault: better
    /// no mail than "Hej !".
    pub(super) fn fill(&self, values: &Values<'_>, out: &mut String) -> Result<(), RenderFault> {
        for piece in &self.0 {
            match piece {
                Piece::Ready(ready) => out.push_str(ready),
                Piece::Hole(name, escape) => {
                    let value = allowed(name, *escape, values)?;
                    match escape {
                        Escape::Html => out.push_str(&escape_html(&value)),
                        Escape::Plain => out.push_str(&value),
                        Escape::Url => out.push_str(&percent_encode_value(&value)),
                    }
                }
                Piece::If(name, there, absent) => side(name, there, absent, values).fill(values, out)?,
            }
        }
        Ok(())
    }
}

/// The value of a name, if it may stand there.
fn allowed<'v>(name: &Name, escape: Escape, values: &'v Values<'_>) -> Result<Cow<'v, str>, RenderFault> {
    let value = present(name, values)?;
    match escape {
        Escape::Url if value.contains('@') => Err(RenderFault::AddressInLink { name: name.to_string() }),
        Escape::Url | Escape::Html | Escape::Plain => Ok(value),
    }
}

/// What stands there for this person.
fn side<'p>(name: &Name, there: &'p Pieces, absent: &'p Pieces, values: &Values<'_>) -> &'p Pieces {
    if values.get(name).is_empty() { absent } else { there }
}

/// The value of a name, or the fault that there is none.
pub(super) fn present<'v>(name: &Name, values: &'v Values<'_>) -> Result<Cow<'v, str>, RenderFault> {
    let value = values.get(name);
    if value.is_empty() {
        Err(RenderFault::Empty { name: name.to_string() })
    } else if name.is_what_people_are_called() && (value.contains("://") || value.contains("www.")) {
        // Mail programs make a link of it, wherever it stands.
        Err(RenderFault::LinkInName { name: name.to_string() })
    } else {
        Ok(value)
    }
}

/// Text that is nothing but text in HTML, inside quoted attributes too.
pub(super) fn escape_html(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// An author's address with everything encoded that does not belong in one;
/// what they have encoded stays so.
fn percent_encode(address: &str) -> String {
    encode(address, b"-._~:/?#@!$&()*+,;=%")
}

/// A value inside an address: it can neither end its part nor begin another.
fn percent_encode_value(value: &str) -> String {
    encode(value, b"-._~")
}

fn encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f94_each_place_has_its_own_escaping() {
        let name = "a&b=\"x\" <i> é'";
        assert_eq!(escape_html(name), "a&amp;b=&quot;x&quot; &lt;i&gt; é&#39;");
        assert_eq!(percent_encode_value(name), "a%26b%3D%22x%22%20%3Ci%3E%20%C3%A9%27");
        assert_eq!(percent_encode("https://x.se/a b/å?q=1&r=%20"), "https://x.se/a%20b/%C3%A5?q=1&r=%20");
    }
}
