//! The web pages: golden files of every page in every state, so that a review shows what a
//! change does to them, and what holds for each of them.
//! `UPDATE_EXPECT=1 cargo test --test it pages` accepts.
//!
//! `JOURNEY_PAGES=FOLDER cargo test --test it pages` writes the pages and their style sheet to
//! a folder, to look at them in a browser.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use journey::content;
use journey::render::{PageSample, Renderer};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use crate::docs::{file, hold};

const FOLDER: &str = "tests/golden/pages";

/// The renderer of the sample programme.
fn renderer() -> Renderer {
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
    let library = content::load(&file("content"), today).library.expect("the sample's content");
    let (renderer, faults) = Renderer::new(&library, &[]);
    assert_eq!(faults, [], "the sample has no errors");
    renderer
}

fn samples() -> Vec<PageSample> {
    renderer().page_samples().expect("every page")
}

/// Writes all pages and the style sheet to a folder.
pub(crate) fn write(folder: &Path) {
    let renderer = renderer();
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("style.css"), renderer.page_css()).expect("the style sheet");
    for PageSample { name, language, html } in renderer.page_samples().expect("every page") {
        fs::write(folder.join(format!("{name}.{language}.html")), html).expect("a page");
    }
}

#[test]
fn pages_are_written_on_demand() {
    #[expect(clippy::disallowed_methods, reason = "asks where to write, as UPDATE_EXPECT does")]
    if let Some(folder) = std::env::var_os("JOURNEY_PAGES") {
        write(Path::new(&folder));
    }
}

#[test]
fn every_page_matches_its_golden_file() {
    let mut there = BTreeSet::new();
    for PageSample { name, language, html } in samples() {
        let name = format!("{name}.{language}.html");
        hold(&format!("{FOLDER}/{name}"), &html);
        there.insert(name);
    }
    let files = fs::read_dir(file(FOLDER)).expect("the folder");
    let left = files.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned());
    let left: Vec<String> = left.filter(|name| !there.contains(name)).collect();
    assert_eq!(left, [""; 0], "pages that are no longer there: delete them");
}

#[test]
fn every_page_keeps_its_promises() {
    let mut faults = Vec::new();
    let mut titles: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let samples = samples();
    for sample in &samples {
        let page = Elements::read(&sample.html);
        for fault in page.faults() {
            faults.push(format!("{}.{}: {fault}", sample.name, sample.language));
        }
        let title = page.title();
        let is_error = sample.html.contains("role=\"alert\"") || sample.name.starts_with("error-");
        if is_error != (title.starts_with("Fel: ") || title.starts_with("Error: ")) {
            faults.push(format!("{}.{}: the title is `{title}`", sample.name, sample.language));
        }
        titles.entry(title).or_default().push(sample.name);
    }
    // States of one page may share a title; two pages must not.
    for (title, names) in titles {
        let kinds: BTreeSet<&str> = names.iter().map(|name| kind(name)).collect();
        if kinds.len() > 1 {
            faults.push(format!("`{title}` is the title of {kinds:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The page of a state: pages about the same step have its title.
fn kind(name: &str) -> &str {
    match name.split('-').next().unwrap_or(name) {
        "answer" | "web" => "step",
        // Two pages send a mail to the person and say the same.
        "read" | "link" => "inbox",
        "paused" => "paused",
        first => first,
    }
}

#[test]
fn the_check_detects_a_bad_page() {
    let html = "<html lang=sv><head><title>a</title></head><body style=\"x\"><form method=post><input id=a><input id=a></form>\
                <h1>a</h1><h1>b</h1><script>1</script><img src=\"https://x.example/a.png\"><a href=\"https://x.example\">x</a></body></html>";
    assert_eq!(
        Elements::read(html).faults(),
        [
            "the first form is not the language switch",
            "2 headings of the first rank",
            "input `a` has no label",
            "input `a` has no label",
            "the id `a` is there twice",
            "a style attribute",
            "a script",
            "`https://x.example/a.png` is at another address",
            "`https://x.example` is at another address",
        ]
    );
}

/// The elements of a page, in the order of the source.
struct Elements {
    elements: Vec<Element>,
}

struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    /// Inside a `label`, or inside the first `form`.
    is_labelled: bool,
    is_in_first_form: bool,
}

impl Element {
    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl Elements {
    fn read(html: &str) -> Elements {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
        let mut page = Elements { elements: Vec::new() };
        page.add(&dom.document, false, false);
        page
    }

    fn add(&mut self, handle: &Handle, is_labelled: bool, is_in_first_form: bool) {
        let (mut labelled, mut in_first_form) = (is_labelled, is_in_first_form);
        if let NodeData::Element { name, attrs, .. } = &handle.data {
            let name = name.local.to_string();
            in_first_form |= name == "form" && self.named("form").next().is_none();
            let pairs = attrs.borrow();
            let pair = |a: &html5ever::Attribute| (a.name.local.to_string(), a.value.to_string());
            let attributes = pairs.iter().map(pair).collect();
            let text = text(handle);
            labelled |= name == "label" && !text.trim().is_empty();
            self.elements.push(Element {
                name,
                attributes,
                text,
                is_labelled,
                is_in_first_form: in_first_form,
            });
        }
        for child in handle.children.borrow().iter() {
            self.add(child, labelled, in_first_form);
        }
    }

    fn named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    fn title(&self) -> String {
        self.named("title").map(|element| element.text.as_str()).collect()
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let first = self.named("form").next();
        let switches: Vec<&Element> = self.named("button").filter(|b| b.is_in_first_form).collect();
        let is_switch = !switches.is_empty() && switches.iter().all(|b| b.get("name") == "lang");
        if !is_switch || first.is_none_or(|form| form.get("method") != "get") {
            faults.push("the first form is not the language switch".to_owned());
        }
        let headings = self.named("h1").count();
        if headings != 1 {
            faults.push(format!("{headings} headings of the first rank"));
        }
        let labels: BTreeSet<&str> = self.named("label").map(|label| label.get("for")).collect();
        let is_field = |e: &&Element| {
            matches!(e.name.as_str(), "input" | "textarea" | "select") && e.get("type") != "hidden"
        };
        for field in self.elements.iter().filter(is_field) {
            let id = field.get("id");
            if !field.is_labelled && (id.is_empty() || !labels.contains(id)) {
                faults.push(format!("{} `{id}` has no label", field.name));
            }
        }
        let mut ids = BTreeSet::new();
        for id in self.elements.iter().map(|element| element.get("id")).filter(|id| !id.is_empty()) {
            if !ids.insert(id) {
                faults.push(format!("the id `{id}` is there twice"));
            }
        }
        for element in &self.elements {
            let described = element.get("aria-describedby").split_whitespace();
            let missing =
                described.filter(|id| !ids.contains(id)).map(|id| format!("nothing has the id `{id}`"));
            faults.extend(missing);
            if element.attributes.contains_key("style") {
                faults.push("a style attribute".to_owned());
            }
            if element.name == "script" || element.attributes.keys().any(|name| name.starts_with("on")) {
                faults.push("a script".to_owned());
            }
            for name in ["href", "src", "action"] {
                let address = element.get(name);
                let is_ours = address.is_empty() || address.starts_with('/') || address.starts_with('#');
                // The film of the sample.
                let is_film =
                    address.starts_with("https://film.ekdala.example/") && element.get("rel") == "noreferrer";
                if !is_ours && !is_film {
                    faults.push(format!("`{address}` is at another address"));
                }
            }
        }
        faults
    }
}

/// The text inside a node.
fn text(handle: &Handle) -> String {
    let own = match &handle.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => String::new(),
    };
    handle.children.borrow().iter().map(text).fold(own, |all, part| all + &part)
}
