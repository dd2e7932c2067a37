//! Checks of the HTML for Outlook's Word engine and others, and of visual
//! accessibility: requirements E33 to E38, E41 and E43.

use super::super::mail::{self, Mail};
use super::super::page::{Id, Link, Page};
use super::super::style::{self, Mode, Rule, Styles};
use super::parts::is_heading;
use super::{Faults, fault_if};

/// Properties a mail may use (E34). Some mail program ignores each of the
/// others, which breaks the layout.
const PROPERTIES: &[&str] = &[
    "color",
    "background-color",
    "border",
    "border-top",
    "border-right",
    "border-bottom",
    "border-left",
    "border-color",
    "border-top-color",
    "border-left-color",
    "border-radius",
    "border-collapse",
    "border-spacing",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "line-height",
    "text-align",
    "text-decoration",
    "vertical-align",
    "white-space",
    "word-break",
    "overflow-wrap",
    "padding",
    "padding-top",
    "padding-right",
    "padding-bottom",
    "padding-left",
    "margin",
    "margin-top",
    "margin-right",
    "margin-bottom",
    "margin-left",
    "width",
    "max-width",
    "min-width",
    "height",
    "max-height",
    "min-height",
    "display",
    "overflow",
    "opacity",
    "color-scheme",
    "supported-color-schemes",
    "list-style-type",
    "-webkit-text-size-adjust",
    "-ms-text-size-adjust",
];

/// Values of `display` that every mail program supports.
const DISPLAYS: &[&str] = &["none", "block", "inline", "inline-block", "table", "table-row", "table-cell"];

/// Fonts that may end a list of fonts, and fonts that machines have.
const GENERIC: &[&str] = &["sans-serif", "serif", "monospace"];
const SYSTEM: &[&str] = &[
    "-apple-system",
    "system-ui",
    "segoe ui",
    "roboto",
    "helvetica",
    "arial",
    "georgia",
    "consolas",
    "menlo",
    "courier",
];

/// The width of a finger, in pixels (E36).
const FINGER: f64 = 44.0;

/// Text that counts as large, in pixels (E41).
const LARGE: f64 = 24.0;
const LARGE_IF_BOLD: f64 = 18.66;

/// The width of the smallest screen, in pixels (E43).
const NARROWEST: f64 = 320.0;

pub(in super::super) fn document(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let language = mail.source.language().as_str();
    let html = page.named("html").next();
    let lang = html.and_then(|html| page.attribute(html, "lang"));
    let charset = page.named("meta").find_map(|id| page.attribute(id, "charset"));
    let titles: Vec<String> =
        page.named("title").map(|id| page.inside(id).filter_map(|id| text_of(page, id)).collect()).collect();
    let title = titles.first().map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
    let subject = mail.message.subject().map(mail::clean);
    let mut faults = [
        fault_if(
            !page.doctype || !mail.html.trim_start().to_lowercase().starts_with("<!doctype html>"),
            || "the page does not begin with `<!doctype html>`".to_owned(),
        ),
        fault_if(lang != Some(language), || format!("`lang` is {lang:?}, and the mail is in `{language}`")),
        fault_if(charset.is_none_or(|c| !c.eq_ignore_ascii_case("utf-8")), || {
            format!("`charset` is {charset:?}")
        }),
        fault_if(titles.len() != 1 || title != subject, || {
            format!("the title is {title:?}, the subject {subject:?}")
        }),
    ]
    .concat();
    for (name, value) in page.elements().flat_map(|id| page.attributes(id)) {
        let tag = value.len() >= 2 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        faults.extend(fault_if(name == "lang" && !tag, || format!("`lang=\"{value}\"` is no language")));
    }
    faults
}

fn text_of(page: &Page, id: Id) -> Option<&str> {
    page.texts().find(|(found, _)| *found == id).map(|(_, text)| text)
}

pub(in super::super) fn tables(mail: &Mail<'_>) -> Faults {
    let mut faults = layout_tables(&mail.page);
    for comment in mail.page.comments().filter(|comment| comment.starts_with("[if mso")) {
        let inside = comment.split_once(']').map_or("", |(_, rest)| rest.trim_start_matches('>'));
        let ghost = Page::read(inside);
        faults.extend(layout_tables(&ghost));
        for table in ghost.named("table") {
            let fixed = ghost.attribute(table, "width").is_some_and(|width| width.parse::<u16>().is_ok());
            faults.extend(fault_if(!fixed, || "a ghost table without a width in pixels".to_owned()));
        }
    }
    let fluid = mail.page.elements().any(|id| {
        mail.page.name(id) == "table"
            && mail.page.attribute(id, "style").is_some_and(|s| s.contains("max-width"))
    });
    let ghost =
        mail.page.comments().any(|comment| comment.starts_with("[if mso") && comment.contains("<table"));
    faults.extend(fault_if(fluid && !ghost, || "`max-width` without a ghost table".to_owned()));
    for declared in all_declarations(&mail.page, &mail.styles) {
        let style::Declaration { property, value, .. } = &declared;
        let known = PROPERTIES.contains(&property.as_str()) || property.starts_with("mso-");
        let shown = property != "display" || DISPLAYS.contains(&value.as_str());
        faults.extend(fault_if(!known || !shown, || {
            format!("`{property}: {value}` works in few mail programs")
        }));
    }
    faults.sort();
    faults.dedup();
    faults
}

/// Every table is for layout alone, and is marked as such.
fn layout_tables(page: &Page) -> Faults {
    let mut faults = Vec::new();
    for table in page.named("table") {
        for (name, wanted) in
            [("role", "presentation"), ("border", "0"), ("cellpadding", "0"), ("cellspacing", "0")]
        {
            let found = page.attribute(table, name);
            faults.extend(fault_if(found != Some(wanted), || format!("a table with `{name}` {found:?}")));
        }
    }
    faults
}

/// All declarations, in attributes and in `<style>`.
fn all_declarations(page: &Page, styles: &Styles) -> Vec<style::Declaration> {
    let inline = page.elements().filter_map(|id| page.attribute(id, "style")).flat_map(style::declarations);
    let sheet = styles.rules.iter().flat_map(|rule| rule.declarations.iter().cloned());
    inline.chain(sheet).collect()
}

pub(in super::super) fn inline_styles(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let styles = &mail.styles;
    let mut faults =
        fault_if(styles.sheets > 1, || format!("{} `<style>`, and one is wanted", styles.sheets));
    faults.extend(styles.others.iter().map(|other| format!("`{other}` in the `<style>`")));
    for rule in styles.rules.iter().filter(|rule| !may_stand_in_sheet(rule)) {
        faults.push(format!("`{}` stands in the `<style>`, and some mail programs drop that", rule.selector));
    }
    for id in page.elements() {
        let name = page.name(id);
        for declared in style::declarations(page.attribute(id, "style").unwrap_or_default()) {
            faults.extend(box_faults(name, &declared));
        }
    }
    for rule in &styles.rules {
        let last = rule.selector.split_whitespace().last().unwrap_or_default();
        let name = last.split(['.', ':', '[']).next().unwrap_or_default();
        // A class alone may match any element; the elements are checked above.
        for declared in rule.declarations.iter().filter(|_| !name.is_empty()) {
            faults.extend(box_faults(name, declared));
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

/// Media queries, and the ways in which mail programs ask for dark colours.
fn may_stand_in_sheet(rule: &Rule) -> bool {
    rule.media.is_some() || rule.selector == ":root" || rule.selector.starts_with("[data-ogs")
}

/// Padding works in cells alone, and margins other than distances nowhere.
fn box_faults(name: &str, declared: &style::Declaration) -> Faults {
    let style::Declaration { property, value, .. } = declared;
    let values = || value.split_whitespace();
    let some = values().any(|value| style::pixels(value, 16.0) != Some(0.0));
    let lost = property.starts_with("padding") && some && !matches!(name, "td" | "th");
    let tricky =
        property.starts_with("margin") && values().any(|value| value == "auto" || value.starts_with('-'));
    [
        fault_if(lost, || format!("`{property}: {value}` on `{name}`, and padding holds on cells alone")),
        fault_if(tricky, || format!("`{property}: {value}` on `{name}` is relied upon")),
    ]
    .concat()
}

pub(in super::super) fn button(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let styles = &mail.styles;
    let mut faults = Vec::new();
    for link in page.links() {
        let alone = |block: &Id| page.text(*block) == page.text(link.id);
        let Some(block) = page.block(link.id).filter(alone) else { continue };
        let answers = link.target == mail.source.links.answer;
        let background = styles.of(block, Mode::Light, "background-color");
        // Without a background of its own, a cell with a link in it is a link.
        if background.is_none() && !answers {
            continue;
        }
        if page.name(block) != "td" {
            faults.extend(fault_if(answers, || format!("`{}` stands alone and is no table cell", link.text)));
            continue;
        }
        let padding = vertical_padding(styles, block);
        let line = styles.line_height(link.id).unwrap_or(1.2 * styles.font_size(link.id));
        let height = padding.unwrap_or(0.0) + line;
        let alone = page.children(block).count() == 1 && page.parent(link.id) == Some(block);
        faults.extend(fault_if(padding.is_none(), || format!("the button `{}` has no padding", link.text)));
        faults.extend(fault_if(background.is_none(), || {
            format!("the button `{}` has no background", link.text)
        }));
        faults
            .extend(fault_if(height < FINGER, || format!("the button `{}` is {height} px high", link.text)));
        faults.extend(fault_if(!alone, || format!("the label of `{}` is not one link", link.text)));
    }
    faults
}

fn vertical_padding(styles: &Styles, cell: Id) -> Option<f64> {
    let of = |property: &str| styles.of(cell, Mode::Light, property);
    let short = of("padding").and_then(style::sides);
    let side = |property: &str, place: usize| of(property).or(short.map(|sides| sides[place]));
    Some(style::pixels(side("padding-top", 0)?, 16.0)? + style::pixels(side("padding-bottom", 2)?, 16.0)?)
}

pub(in super::super) fn conditional_comments(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    let mut open = false;
    let mut rest = mail.html.as_str();
    let mut elements: Vec<String> = Vec::new();
    while let Some(at) = rest.find("[if ").into_iter().chain(rest.find("[endif]")).min() {
        let begins = rest[at..].starts_with("[if ");
        if begins == open {
            faults.push("a conditional comment begins in another, or ends twice".to_owned());
        }
        let after =
            if begins { rest[at..].split_once("]>").map_or("", |(_, after)| after) } else { &rest[at + 7..] };
        if begins {
            let inside = after.split("<![endif]").next().unwrap_or_default();
            balance(inside, &mut elements, &mut faults);
        }
        open = begins;
        rest = after;
    }
    faults.extend(fault_if(open, || "a conditional comment without its end".to_owned()));
    faults.extend(
        elements.iter().map(|name| format!("`{name}` is opened in a conditional comment and never closed")),
    );
    faults
}

/// Follows the tags of conditional comments: one opens what another closes.
fn balance(inside: &str, open: &mut Vec<String>, faults: &mut Faults) {
    for tag in inside.split('<').skip(1) {
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if tag.starts_with('/') {
            if open.pop().as_deref() != Some(&name) {
                faults.push(format!("`</{name}>` in a conditional comment closes nothing"));
            }
        } else if !name.is_empty() && !tag.split('>').next().is_some_and(|tag| tag.ends_with('/')) {
            open.push(name);
        }
    }
}

pub(in super::super) fn fonts(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let styles = &mail.styles;
    let mut faults = Vec::new();
    for (element, text) in shown_texts(page) {
        let shown: String = text.chars().take(30).collect();
        let size = styles.font_size(element);
        faults.extend(fault_if(size < 16.0, || format!("`{shown}` is {size} px high")));
        let heading = page.upwards(element).any(|id| is_heading(page.name(id)));
        // 1.5 times a size is not always representable.
        let line = styles.line_height(element).map(|height| height / size + 0.001);
        faults.extend(fault_if(!heading && line.is_none_or(|line| line < 1.5), || {
            format!(
                "the lines of `{shown}` are {line:.1?} times its letters apart",
                line = line.unwrap_or(1.2)
            )
        }));
        let family =
            styles.of(element, Mode::Light, "font-family").unwrap_or_default().replace(['\'', '"'], "");
        let fonts: Vec<&str> = family.split(',').map(str::trim).collect();
        let generic = fonts.last().is_some_and(|last| GENERIC.contains(last));
        let system = fonts.iter().any(|font| SYSTEM.contains(font)) || family == "monospace";
        faults.extend(fault_if(!generic || !system, || format!("`{shown}` is set in `{family}`")));
    }
    faults.truncate(5);
    faults
}

/// The text that is shown, with its element.
fn shown_texts(page: &Page) -> impl Iterator<Item = (Id, &str)> {
    let shown = page.texts().filter(|(id, text)| !text.trim().is_empty() && page.is_shown(*id));
    shown.filter_map(|(id, text)| Some((page.parent(id)?, text.trim())))
}

pub(in super::super) fn contrast(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let styles = &mail.styles;
    let scheme = page.named("meta").find(|id| page.attribute(*id, "name") == Some("color-scheme"));
    let scheme = scheme.and_then(|id| page.attribute(id, "content"));
    let mut faults = fault_if(scheme != Some("light dark"), || format!("`color-scheme` is {scheme:?}"));
    for mode in Mode::BOTH {
        for (element, text) in shown_texts(page) {
            faults.extend(text_contrast(styles, element, text, mode));
        }
        for link in page.links() {
            faults.extend(link_contrast(page, styles, link, mode));
        }
    }
    faults.dedup();
    faults.truncate(5);
    faults
}

fn text_contrast(styles: &Styles, element: Id, text: &str, mode: Mode) -> Faults {
    let shown: String = text.chars().take(30).collect();
    let size = styles.font_size(element);
    let large = size >= LARGE || (size >= LARGE_IF_BOLD && styles.is_bold(element));
    let wanted = if large { 3.0 } else { 4.5 };
    match (styles.text_colour(element, mode), styles.background(element, mode)) {
        (Ok(colour), Ok(background)) => {
            let found = colour.contrast(background);
            fault_if(found < wanted, || {
                format!(
                    "`{shown}` is {colour} on {background} in {mode:?}: {found:.2}, and {wanted} is wanted"
                )
            })
        }
        (Err(value), _) | (_, Err(value)) => vec![format!("`{value}` is no colour that can be compared")],
    }
}

/// A link differs from text by more than colour; a button by its edge.
fn link_contrast(page: &Page, styles: &Styles, link: &Link, mode: Mode) -> Faults {
    let underlined =
        |id| styles.of(id, mode, "text-decoration").is_some_and(|value| value.contains("underline"));
    let plain = !underlined(link.id) && !page.inside(link.id).any(underlined);
    let cell = page.parent(link.id).filter(|cell| page.name(*cell) == "td");
    let Some(cell) = cell.filter(|cell| styles.of(*cell, mode, "background-color").is_some()) else {
        // A picture cannot be mistaken for other text.
        let plain = plain && !page.text(link.id).is_empty();
        return fault_if(plain, || format!("only its colour shows that `{}` is a link", link.text));
    };
    let around = page.parent(cell).map(|around| styles.background(around, mode));
    let (Ok(edge), Some(Ok(around))) = (styles.background(cell, mode), around) else { return Vec::new() };
    let found = edge.contrast(around);
    fault_if(found < 3.0, || {
        format!("the button `{}` is {edge} on {around} in {mode:?}: {found:.2}", link.text)
    })
}

pub(in super::super) fn narrow(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let styles = &mail.styles;
    let viewport = page.named("meta").find(|id| page.attribute(*id, "name") == Some("viewport"));
    let viewport = viewport.and_then(|id| page.attribute(id, "content")).unwrap_or_default();
    let mut faults = [
        fault_if(!viewport.contains("width=device-width"), || {
            "no `viewport` of the device's width".to_owned()
        }),
        fault_if(viewport.contains("user-scalable=no") || viewport.contains("maximum-scale"), || {
            "readers cannot enlarge the page".to_owned()
        }),
    ]
    .concat();
    for id in page.elements() {
        let name = page.name(id);
        let attribute = |name| page.attribute(id, name).and_then(|value| value.parse::<f64>().ok());
        let wide = attribute("width").is_some_and(|width| width > NARROWEST) && name != "img";
        faults.extend(fault_if(wide, || {
            format!("`{name}` is {} px wide", attribute("width").unwrap_or_default())
        }));
        let high = attribute("height").is_some() && name != "img";
        faults.extend(fault_if(high, || format!("`{name}` has a fixed height")));
        let turned = page.attribute(id, "dir").is_some_and(|dir| dir != "ltr")
            || page.attribute(id, "nowrap").is_some();
        faults.extend(fault_if(turned, || format!("`{name}` turns or holds its text")));
        let picture = name == "img"
            && attribute("width").is_some_and(|width| width > NARROWEST)
            && !page.attribute(id, "style").is_some_and(|style| style.contains("max-width"));
        faults.extend(fault_if(picture, || "a picture that is wider than a telephone".to_owned()));
        let keeps = name == "pre" && styles.of(id, Mode::Light, "white-space") != Some("pre-wrap");
        faults.extend(fault_if(keeps, || "a `pre` whose lines never break".to_owned()));
    }
    // Hidden text has no height that could cut it off.
    let shown = page.elements().filter(|id| page.is_shown(*id)).filter_map(|id| page.attribute(id, "style"));
    let sheet = styles.rules.iter().flat_map(|rule| rule.declarations.clone());
    for style::Declaration { property, value, .. } in shown.flat_map(style::declarations).chain(sheet) {
        let px = style::pixels(&value, 16.0);
        let wide = matches!(property.as_str(), "width" | "min-width") && px.is_some_and(|px| px > NARROWEST);
        let high = matches!(property.as_str(), "height" | "max-height") && px.is_some_and(|px| px > 0.0);
        let held = property == "white-space" && value == "nowrap";
        faults.extend(fault_if(wide || high || held, || {
            format!("`{property}: {value}` does not fit a telephone")
        }));
    }
    faults
}

pub(in super::super) fn preheader(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let body = page.texts().filter(|(id, text)| page.within(*id, "body") && !text.trim().is_empty());
    let mut body = body.filter(|(id, _)| !page.within(*id, "style"));
    let mut faults = Vec::new();
    if let Some(preheader) = mail.source.variant().preheader.as_deref() {
        let preheader = mail.source.filled(preheader);
        let first = body.next().map(|(_, text)| mail::clean(text)).unwrap_or_default();
        faults.extend(fault_if(!first.starts_with(&preheader), || {
            "the page begins with other words than the preheader".to_owned()
        }));
    }
    for id in page.elements() {
        let style = page.attribute(id, "style").unwrap_or_default().to_lowercase();
        let style: String = style.split_whitespace().collect();
        let gone = style.contains("display:none") || !says_something(page, id);
        let silent = page.upwards(id).any(|id| page.attribute(id, "aria-hidden") == Some("true"));
        faults.extend(fault_if(super::super::page::is_zero_sized(&style) && !gone && !silent, || {
            format!("`{}` is hidden by its size and read aloud all the same", page.name(id))
        }));
    }
    let filler =
        |c: char| matches!(c, '\u{200c}' | '\u{34f}' | '\u{200b}' | '\u{2007}' | '\u{ad}' | '\u{feff}');
    for (id, text) in page.texts().filter(|(_, text)| text.chars().filter(|c| filler(*c)).count() > 1) {
        let silent = page.upwards(id).any(|id| page.attribute(id, "aria-hidden") == Some("true"));
        faults.extend(fault_if(!silent, || {
            format!("filler of {} characters is read aloud", text.chars().count())
        }));
    }
    faults
}

/// Does an element contain text? A cell around a picture has none, and its font
/// size does not matter.
fn says_something(page: &Page, id: Id) -> bool {
    page.texts().any(|(text, words)| !words.trim().is_empty() && page.upwards(text).any(|up| up == id))
}
