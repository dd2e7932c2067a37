//! The styles of the page: the rules of its `<style>` and of its elements, and
//! what they mean for each element, in light and in dark. It knows the small
//! part of CSS that a mail may use, and reports what it cannot parse.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::page::{Id, Page};

/// Properties that are inherited.
const INHERITED: &[&str] = &["color", "font-size", "line-height", "font-family", "font-weight"];

/// The default styles of browsers.
const BY_ITSELF: &[(&str, &[(&str, &str)])] = &[
    ("a", &[("color", "#0000ee"), ("text-decoration", "underline")]),
    ("h1", &[("font-size", "2em"), ("font-weight", "bold")]),
    ("h2", &[("font-size", "1.5em"), ("font-weight", "bold")]),
    ("h3", &[("font-size", "1.17em"), ("font-weight", "bold")]),
    ("h4", &[("font-weight", "bold")]),
    ("h5", &[("font-size", "0.83em"), ("font-weight", "bold")]),
    ("h6", &[("font-size", "0.67em"), ("font-weight", "bold")]),
    ("strong", &[("font-weight", "bold")]),
    ("b", &[("font-weight", "bold")]),
    ("th", &[("font-weight", "bold")]),
    ("small", &[("font-size", "0.83em")]),
    ("sub", &[("font-size", "0.83em")]),
    ("sup", &[("font-size", "0.83em")]),
];

/// The colour scheme the reader has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Light,
    Dark,
}

impl Mode {
    pub(super) const BOTH: [Mode; 2] = [Mode::Light, Mode::Dark];

    /// The defaults of a page: text and its background.
    fn nothing_said(self) -> (Colour, Colour) {
        match self {
            Mode::Light => (Colour(0, 0, 0), Colour(255, 255, 255)),
            Mode::Dark => (Colour(255, 255, 255), Colour(18, 18, 18)),
        }
    }
}

/// `property: value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declaration {
    pub(super) property: String,
    pub(super) value: String,
    pub(super) important: bool,
}

/// One rule of the `<style>`, for one selector.
pub(super) struct Rule {
    /// The condition of its `@media`, if it is in one.
    pub(super) media: Option<String>,
    pub(super) selector: String,
    pub(super) declarations: Vec<Declaration>,
}

/// All styles of a page.
pub(super) struct Styles {
    page: Rc<Page>,
    /// The number of `<style>` elements.
    pub(super) sheets: usize,
    pub(super) rules: Vec<Rule>,
    /// `@import` and the like: what is neither a rule nor `@media`.
    pub(super) others: Vec<String>,
    light: BTreeMap<Id, Looks>,
    dark: BTreeMap<Id, Looks>,
}

/// The computed values of one element, by property, inherited values included.
type Looks = BTreeMap<String, String>;

impl Styles {
    /// Parses all styles of a page.
    pub(super) fn read(page: &Rc<Page>) -> Styles {
        let mut styles = Styles {
            page: Rc::clone(page),
            sheets: 0,
            rules: Vec::new(),
            others: Vec::new(),
            light: BTreeMap::new(),
            dark: BTreeMap::new(),
        };
        let sheets =
            page.texts().filter(|(id, _)| page.parent(*id).is_some_and(|up| page.name(up) == "style"));
        for (_, text) in sheets {
            styles.sheets += 1;
            styles.sheet(&without_comments(text), None);
        }
        for mode in Mode::BOTH {
            let mut looks = BTreeMap::new();
            for id in page.elements() {
                let own = styles.looks(id, mode, &looks);
                looks.insert(id, own);
            }
            match mode {
                Mode::Light => styles.light = looks,
                Mode::Dark => styles.dark = looks,
            }
        }
        styles
    }

    fn sheet(&mut self, text: &str, media: Option<&str>) {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let open = rest.find('{').unwrap_or(rest.len());
            if let Some(end) = rest[..open].find(';') {
                self.others.push(rest[..end].trim().to_owned());
                rest = rest[end + 1..].trim_start();
                continue;
            }
            let head = rest[..open].trim();
            let (inside, after) = braced(&rest[open..]);
            if let Some(condition) = head.strip_prefix("@media") {
                self.sheet(inside, Some(condition.trim()));
            } else if head.starts_with('@') {
                self.others.push(head.to_owned());
            } else {
                for selector in head.split(',').map(str::trim).filter(|selector| !selector.is_empty()) {
                    self.rules.push(Rule {
                        media: media.map(str::to_owned),
                        selector: selector.to_owned(),
                        declarations: declarations(inside),
                    });
                }
            }
            rest = after.trim_start();
        }
    }

    /// The declarations for an element itself, in ascending precedence; the
    /// browser's own come first.
    fn declared(&self, id: Id, mode: Mode) -> Vec<(String, String)> {
        let mut found: Vec<(usize, Declaration)> = Vec::new();
        let by_itself = BY_ITSELF.iter().filter(|(name, _)| *name == self.page.name(id));
        for (property, value) in by_itself.flat_map(|(_, declared)| *declared) {
            found.push((0, Declaration::new(property, value)));
        }
        if let Some(colour) = self.page.attribute(id, "bgcolor") {
            found.push((0, Declaration::new("background-color", colour)));
        }
        for rule in &self.rules {
            let holds = match rule.media.as_deref() {
                None => true,
                Some(media) => mode == Mode::Dark && is_dark(media),
            };
            if holds && let Some(weight) = matches(&self.page, id, &rule.selector) {
                found.extend(rule.declarations.iter().map(|declared| (weight, declared.clone())));
            }
        }
        let inline = declarations(self.page.attribute(id, "style").unwrap_or_default());
        found.extend(inline.into_iter().map(|declared| (INLINE, declared)));
        found.sort_by_key(|(weight, declared)| (declared.important, *weight));
        found.into_iter().map(|(_, declared)| (declared.property, declared.value)).collect()
    }

    fn looks(&self, id: Id, mode: Mode, above: &BTreeMap<Id, Looks>) -> Looks {
        let parent = self.page.parent(id).and_then(|up| above.get(&up));
        let inherited = |property: &str| parent.and_then(|looks| looks.get(property)).cloned();
        let mut looks = Looks::new();
        for property in INHERITED {
            if let Some(value) = inherited(property) {
                looks.insert((*property).to_owned(), value);
            }
        }
        for (property, value) in self.declared(id, mode) {
            let property = if property == "background" { "background-color".to_owned() } else { property };
            let value = if value == "inherit" { inherited(&property).unwrap_or_default() } else { value };
            if property == "font-size" {
                let around = inherited("font-size").and_then(|size| size.parse().ok()).unwrap_or(16.0);
                let size = pixels(&value, around).map_or(value, |size| size.to_string());
                looks.insert(property, size);
            } else {
                looks.insert(property, value);
            }
        }
        looks
    }

    /// The computed value of a property of an element.
    pub(super) fn of(&self, id: Id, mode: Mode, property: &str) -> Option<&str> {
        let looks = match mode {
            Mode::Light => &self.light,
            Mode::Dark => &self.dark,
        };
        looks.get(&id).and_then(|looks| looks.get(property)).map(String::as_str)
    }

    /// The size of its text, in pixels.
    pub(super) fn font_size(&self, id: Id) -> f64 {
        self.of(id, Mode::Light, "font-size").map_or(16.0, |size| size.parse().unwrap_or(0.0))
    }

    /// The height of its lines, in pixels; `None` if not declared.
    pub(super) fn line_height(&self, id: Id) -> Option<f64> {
        let size = self.font_size(id);
        let said = self.of(id, Mode::Light, "line-height")?;
        said.parse::<f64>().map(|factor| factor * size).ok().or_else(|| pixels(said, size))
    }

    /// Is its text bold?
    pub(super) fn is_bold(&self, id: Id) -> bool {
        let weight = self.of(id, Mode::Light, "font-weight").unwrap_or_default();
        weight == "bold" || weight.parse::<u16>().is_ok_and(|weight| weight >= 700)
    }

    /// The colour of its text.
    ///
    /// # Errors
    ///
    /// The value that is no colour.
    pub(super) fn text_colour(&self, id: Id, mode: Mode) -> Result<Colour, String> {
        match self.of(id, mode, "color") {
            Some(value) => Colour::read(value).ok_or_else(|| value.to_owned()),
            None => Ok(mode.nothing_said().0),
        }
    }

    /// The colour behind it.
    ///
    /// # Errors
    ///
    /// The value that is no colour.
    pub(super) fn background(&self, id: Id, mode: Mode) -> Result<Colour, String> {
        for up in self.page.upwards(id) {
            match self.of(up, mode, "background-color") {
                None | Some("transparent" | "none") => {}
                Some(value) => return Colour::read(value).ok_or_else(|| value.to_owned()),
            }
        }
        Ok(mode.nothing_said().1)
    }
}

impl Declaration {
    fn new(property: &str, value: &str) -> Declaration {
        Declaration { property: property.to_owned(), value: value.to_owned(), important: false }
    }
}

/// The specificity of a style attribute, above that of any selector.
const INLINE: usize = 1_000_000;

/// Is it the condition that the reader has chosen dark colours?
pub(super) fn is_dark(media: &str) -> bool {
    media.split_whitespace().collect::<String>().contains("(prefers-color-scheme:dark)")
}

/// The declarations of a rule or of an attribute.
pub(super) fn declarations(text: &str) -> Vec<Declaration> {
    let pairs = text.split(';').filter_map(|declared| declared.split_once(':'));
    let read = pairs.map(|(property, value)| {
        let value = value.trim().to_lowercase();
        let (value, important) = match value.strip_suffix("!important") {
            Some(value) => (value.trim().to_owned(), true),
            None => (value, false),
        };
        Declaration { property: property.trim().to_lowercase(), value, important }
    });
    read.collect()
}

/// A length in pixels; `em` and `%` are relative to the parent.
pub(super) fn pixels(value: &str, around: f64) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    if let Some(px) = value.strip_suffix("px") {
        number(px)
    } else if let Some(rem) = value.strip_suffix("rem") {
        number(rem).map(|rem| rem * 16.0)
    } else if let Some(em) = value.strip_suffix("em") {
        number(em).map(|em| em * around)
    } else if let Some(percent) = value.strip_suffix('%') {
        number(percent).map(|percent| percent / 100.0 * around)
    } else {
        number(value).filter(|number| *number == 0.0)
    }
}

/// The four sides of a `padding` or `margin`: top, right, bottom, left.
pub(super) fn sides(value: &str) -> Option<[&str; 4]> {
    let parts: Vec<&str> = value.split_whitespace().collect();
    match parts[..] {
        [all] => Some([all; 4]),
        [vertical, horizontal] => Some([vertical, horizontal, vertical, horizontal]),
        [top, horizontal, bottom] => Some([top, horizontal, bottom, horizontal]),
        [top, right, bottom, left] => Some([top, right, bottom, left]),
        _ => None,
    }
}

/// Does a selector match an element? Its specificity, or `None` if it does not
/// match. Supports compounds of names, classes and attributes with blanks
/// between them; anything else matches nothing.
fn matches(page: &Page, id: Id, selector: &str) -> Option<usize> {
    let compounds: Vec<&str> = selector.split_whitespace().collect();
    let (last, before) = compounds.split_last()?;
    let mut weight = compound(page, id, last)?;
    let mut up = page.parent(id);
    for wanted in before.iter().rev() {
        loop {
            let here = up?;
            up = page.parent(here);
            if let Some(more) = compound(page, here, wanted) {
                weight += more;
                break;
            }
        }
    }
    Some(weight)
}

fn compound(page: &Page, id: Id, compound: &str) -> Option<usize> {
    if compound == ":root" {
        return (page.name(id) == "html").then_some(100);
    }
    if compound.contains([':', '[', '#', '>', '+', '~']) {
        return None;
    }
    let mut parts = compound.split('.');
    let name = parts.next().filter(|name| !name.is_empty() && *name != "*");
    if name.is_some_and(|name| name != page.name(id)) {
        return None;
    }
    let classes: Vec<&str> = page.attribute(id, "class").unwrap_or_default().split_whitespace().collect();
    let mut weight = usize::from(name.is_some());
    for class in parts {
        if !classes.contains(&class) {
            return None;
        }
        weight += 100;
    }
    Some(weight)
}

/// The text between the brace at the beginning and its closing brace, and what
/// comes after.
fn braced(text: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return (&text[1..at], &text[at + 1..]),
            '}' => depth -= 1,
            _ => {}
        }
    }
    (text.get(1..).unwrap_or_default(), "")
}

fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out + rest
}

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(u8, u8, u8);

impl Colour {
    /// `#rgb`, `#rrggbb`, `black` or `white`.
    pub(super) fn read(text: &str) -> Option<Colour> {
        let text = text.trim();
        let hex = match text {
            "black" => "000000",
            "white" => "ffffff",
            _ => text.strip_prefix('#')?,
        };
        let wide: String =
            if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
        let part = |at: usize| wide.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        (wide.len() == 6).then(|| Some(Colour(part(0)?, part(2)?, part(4)?))).flatten()
    }

    /// Its relative luminance (WCAG 2.1).
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// The contrast ratio of two colours, from 1 to 21 (WCAG 2.1).
    pub(super) fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// The examples of the recommendation itself.
#[test]
fn contrast_matches_the_examples_of_wcag() {
    let colour = |text| Colour::read(text).expect("a colour");
    let ratio = |a, b| (colour(a).contrast(colour(b)) * 100.0).round() / 100.0;
    assert_eq!(ratio("#000", "white"), 21.0);
    assert_eq!(ratio("#777777", "#ffffff"), 4.48);
    assert_eq!(ratio("#767676", "#ffffff"), 4.54);
    assert_eq!(Colour::read("#12345"), None);
}

/// The nearest declaration wins, `!important` over the attribute, and dark
/// rules apply in dark mode alone.
#[test]
fn computed_styles_follow_the_cascade() {
    let page = Rc::new(Page::read(
        "<style>p { color: #111 } .a p, h1 { color: #222 } /* p { color: #333 } */ \
         @media (prefers-color-scheme: dark) { .a { background-color: #000 !important } p { color: #eee } }</style>\
         <div class=a style='background-color:#fff;font-size:20px'><p>x<em style='font-size:1.5em'>y</em></p></div>",
    ));
    let styles = Styles::read(&page);
    let p = page.named("p").next().expect("a paragraph");
    let em = page.named("em").next().expect("a stress");
    assert_eq!(styles.of(p, Mode::Light, "color"), Some("#222"));
    assert_eq!(styles.of(em, Mode::Light, "color"), Some("#222"));
    assert_eq!(styles.background(em, Mode::Light), Ok(Colour(255, 255, 255)));
    assert_eq!(styles.background(em, Mode::Dark), Ok(Colour(0, 0, 0)));
    assert_eq!(styles.font_size(em), 30.0);
}
